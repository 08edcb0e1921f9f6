/** Writes weights as Keras' own files are laid out, for tests: true names and shapes, drawn numbers. */
import { File, type Group, ready } from 'h5wasm/node';
import { randomWeights } from '../src/networks/initializers.ts';
import { describeNetwork } from '../src/networks/layers.ts';
import type { Network, Weights } from '../src/networks/network.ts';

/** The old names of convolutions and dense layers, as in the published VGG files. */
const SUFFIXES = ['W_1:0', 'b_1:0'];

/** Writes a network's drawn weights to an `.h5` file. @returns what it wrote */
export async function writeKerasFile(path: string, network: Network, seed: number): Promise<Weights> {
  await ready;
  const description = describeNetwork(network);
  const weights = randomWeights(network, seed);
  if (!description.ok || !weights.ok) throw new Error('the layers do not fit');
  const file = new File(path, 'w');
  strings(
    file,
    'layer_names',
    network.layers.map(({ name }) => name),
  );
  for (const { name } of network.layers) {
    const group = file.create_group(name);
    const slots = description.value.slots.filter(({ layer }) => layer === name);
    strings(
      group,
      'weight_names',
      slots.map((_, i) => `${name}_${SUFFIXES[i]}`),
    );
    slots.forEach((slot, i) => {
      const tensor = weights.value.get(slot.name);
      if (tensor)
        group.create_dataset({
          name: `${name}_${SUFFIXES[i]}`,
          data: tensor.data,
          shape: [...slot.shape],
          dtype: '<f4',
        });
    });
  }
  file.close();
  return weights.value;
}

function strings(group: Group, name: string, values: readonly string[]): void {
  if (values.length > 0) group.create_attribute(name, [...values]);
}
