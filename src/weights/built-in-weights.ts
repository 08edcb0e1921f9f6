/** Numbers for a built-in network, out of a file. */
import { readFileSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { float32Of, readSafetensors } from '../files/safetensors.ts';
import { describeNetwork, showShape } from '../networks/layers.ts';
import { type Network, sizeOf, type WeightSlot, type Weights, type WeightTensor } from '../networks/network.ts';
import { requireFinite, sameShape } from './keras-weights.ts';
import { readKerasWeightsOf } from './model-file.ts';

/**
 * Reads the weights of the layers in use out of a file, for images of `channels` channels. A first layer trained on another
 * number of channels is fitted.
 */
export async function readWeights(
  path: string,
  shownAs: string,
  network: Network,
  native: Network,
): Promise<Result<Weights, Diagnostic>> {
  const description = describeNetwork(native);
  if (!description.ok) return description;
  const { slots } = description.value;
  if (slots.length === 0) return ok(new Map());
  const weights = await (/\.safetensors$/i.test(path)
    ? Promise.resolve(readOwnWeights(path, shownAs, slots))
    : readKerasWeightsOf(path, shownAs, native, slots));
  return weights.ok ? ok(fitChannels(weights.value, network)) : weights;
}

/** A safetensors file whose tensors have the names of our weights. */
function readOwnWeights(path: string, shownAs: string, slots: readonly WeightSlot[]): Result<Weights, Diagnostic> {
  const stored = readSafetensors(readFileSync(path));
  if (!stored.ok) return err(problem('M007', `${shownAs} ${stored.error}`));
  const weights = new Map<string, WeightTensor>();
  for (const { name, shape } of slots) {
    const tensor = stored.value.get(name);
    if (!tensor)
      return err(
        problem('M008', `${shownAs} has no weight "${name}"`, {
          help: `it has ${[...stored.value.keys()].slice(0, 8).join(', ')}`,
        }),
      );
    if (!sameShape(tensor.shape, shape))
      return err(
        problem('M008', `${shownAs} has ${showShape(tensor.shape)} instead of ${showShape(shape)} for "${name}"`),
      );
    if (tensor.dtype !== 'F32') return err(problem('M010', `${shownAs} holds "${name}" not as float32`));
    const data = float32Of(tensor);
    const finite = requireFinite(data, shownAs, name);
    if (!finite.ok) return finite;
    weights.set(name, { shape, data });
  }
  return ok(weights);
}

/**
 * Makes the first kernel [height, width, in, out] take the network's channels: for grey images into a network of colours it is
 * summed over its input channels (grey repeated three times would give the same), the other way round it is spread evenly.
 */
function fitChannels(weights: Weights, network: Network): Weights {
  const [first] = network.layers.filter(({ type }) => type === 'conv2d');
  const name = `${first?.name}/kernel`;
  const kernel = weights.get(name);
  const channels = network.input[2] ?? 0;
  if (!kernel || kernel.shape[2] === channels) return weights;
  const [height = 0, width = 0, from = 0, filters = 0] = kernel.shape;
  const shape = [height, width, channels, filters];
  const data = new Float32Array(sizeOf(shape));
  for (let tap = 0; tap < height * width; tap++) {
    for (let filter = 0; filter < filters; filter++) {
      let sum = 0;
      for (let channel = 0; channel < from; channel++)
        sum += kernel.data[(tap * from + channel) * filters + filter] ?? 0;
      for (let channel = 0; channel < channels; channel++)
        data[(tap * channels + channel) * filters + filter] = sum / channels;
    }
  }
  return new Map([...weights, [name, { shape, data }]]);
}
