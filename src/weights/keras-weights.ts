/** Numbers of a Keras file, put into the weights of a network by layer name, then by their order in the layer. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { showShape } from '../networks/layers.ts';
import type { Layer, Network, Shape, WeightSlot, Weights, WeightTensor } from '../networks/network.ts';
import type { H5File } from './h5-file.ts';
import type { H5Layer, H5Weight } from './h5-protocol.ts';

/** Keras' class of a layer in snake case: what Keras 3 files before layer names were kept are sorted by. */
const AUTOMATIC_NAMES: Readonly<Partial<Record<Layer['type'], string>>> = {
  dense: 'dense',
  conv2d: 'conv2d',
  'depthwise-conv2d': 'depthwise_conv2d',
  'separable-conv2d': 'separable_conv2d',
  'batch-norm': 'batch_normalization',
};

/** Reads the given weights, which may be fewer than the file holds. Shapes are compared before a number is read. */
export async function readKerasWeights(
  file: H5File,
  shownAs: string,
  network: Network,
  slots: readonly WeightSlot[],
): Promise<Result<Weights, Diagnostic>> {
  const placed = placeWeights(file.contents.layers, shownAs, network, slots);
  if (!placed.ok) return placed;
  const weights = new Map<string, WeightTensor>();
  for (const [slot, weight] of placed.value) {
    const numbers = await file.read(weight.path);
    if (!numbers.ok) return numbers;
    const finite = requireFinite(numbers.value, shownAs, slot.name);
    if (!finite.ok) return finite;
    weights.set(slot.name, { shape: slot.shape, data: numbers.value });
  }
  return ok(weights);
}

/** W12: NaN or infinity anywhere would spoil every feature. */
export function requireFinite(numbers: Float32Array, shownAs: string, weight: string): Result<undefined, Diagnostic> {
  const at = numbers.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return ok(undefined);
  return err(
    problem('M011', `${shownAs} holds ${numbers[at]} in the weight "${weight}" (number ${at} of ${numbers.length})`),
  );
}

interface Difference {
  readonly layer: string;
  readonly message: string;
}

/** Which dataset belongs into which weight; the first difference is named, the rest counted. */
function placeWeights(
  layers: readonly H5Layer[],
  shownAs: string,
  network: Network,
  slots: readonly WeightSlot[],
): Result<ReadonlyMap<WeightSlot, H5Weight>, Diagnostic> {
  const placed = new Map<WeightSlot, H5Weight>();
  const differences: Difference[] = [];
  for (const [name, own] of groupByLayer(slots)) {
    const found = findLayer(layers, network, name);
    const difference = found ? compare(found, own) : `has no weights for the layer "${name}"`;
    if (difference !== undefined) differences.push({ layer: name, message: difference });
    else
      own.forEach((slot, i) => {
        const weight = found?.weights[i];
        if (weight) placed.set(slot, weight);
      });
  }
  const [first] = differences;
  if (!first) return ok(placed);
  const more = differences.length > 1 ? `, and ${differences.length - 1} more layers do not fit` : '';
  const held = layers.filter(({ weights }) => weights.length > 0).map((layer) => layer.name);
  return err(
    problem('M008', `${shownAs} ${first.message} of ${network.name}${more}`, {
      help: helpFor(held, network, first.layer),
    }),
  );
}

/** Suggests the cut right before the first layer that is missing, where there is something to cut. */
function helpFor(held: readonly string[], network: Network, missing: string): string {
  const before = network.layers[network.layers.findIndex(({ name }) => name === missing) - 1];
  const list = `the file has weights for ${held.slice(0, 8).join(', ')}${held.length > 8 ? ` and ${held.length - 8} more` : ''}`;
  return before ? `${list}; only the layers in use are needed, so that \`layer: ${before.name}\` may do` : list;
}

function groupByLayer(slots: readonly WeightSlot[]): ReadonlyMap<string, readonly WeightSlot[]> {
  const groups = new Map<string, WeightSlot[]>();
  for (const slot of slots) groups.set(slot.layer, [...(groups.get(slot.layer) ?? []), slot]);
  return groups;
}

function findLayer(layers: readonly H5Layer[], network: Network, name: string): H5Layer | undefined {
  const byName = layers.find((layer) => layer.name === name);
  if (byName) return byName;
  const automatic = automaticNames(network).get(name);
  return layers.find((layer) => layer.name === automatic && layer.weights.length > 0);
}

/** `conv2d`, `conv2d_1`, … in the order of the layers. */
function automaticNames(network: Network): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    network.layers.flatMap(({ name, type }): readonly [string, string][] => {
      const base = AUTOMATIC_NAMES[type];
      if (!base) return [];
      const count = counts.get(base) ?? 0;
      counts.set(base, count + 1);
      return [[name, count === 0 ? base : `${base}_${count}`]];
    }),
  );
}

/** The first difference between a layer of the file and the weights that it should fill. */
function compare(layer: H5Layer, slots: readonly WeightSlot[]): string | undefined {
  if (layer.weights.length !== slots.length) {
    return `has ${layer.weights.length} weights instead of ${slots.length} for the layer "${layer.name}"`;
  }
  const at = slots.findIndex(({ shape }, i) => !sameShape(shape, layer.weights[i]?.shape ?? []));
  const slot = slots[at];
  if (!slot) return undefined;
  return `has ${showShape(layer.weights[at]?.shape ?? [])} instead of ${showShape(slot.shape)} for "${slot.name}"`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
