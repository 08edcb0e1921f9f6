/** The built-in networks as backbones: which layers, which weights, how the numbers get in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { packageRoot } from '../files/package-root.ts';
import { float32Of, readSafetensors } from '../files/safetensors.ts';
import type { Architecture } from '../networks/architectures/architecture.ts';
import { architectures, findArchitecture } from '../networks/architectures/index.ts';
import { cutNetwork } from '../networks/cut.ts';
import { describeNetwork, showShape } from '../networks/layers.ts';
import {
  type Network,
  type Shape,
  sizeOf,
  type WeightSlot,
  type Weights,
  type WeightTensor,
} from '../networks/network.ts';
import type { BackboneChoice, BackboneName } from './backbone-choice.ts';
import { requireFinite, sameShape } from './keras-weights.ts';
import { readKerasWeightsOf } from './model-file.ts';

export type BuiltInName = Extract<BackboneName, { type: 'built-in' }>;

/** Weights that ship with the package. */
export function shippedWeights(name: string): string {
  return join(packageRoot(), 'weights', `${name}.safetensors`);
}

export function architectureOf({ name, alpha }: BuiltInName): Result<Architecture, Diagnostic> {
  const architecture = findArchitecture(name);
  if (!architecture) {
    const names = architectures.map((known) => known.name);
    const help = [
      didYouMean(name, names),
      `built-in are ${names.join(', ')}; any other network comes as an .onnx, .h5 or .keras file`,
    ]
      .filter(Boolean)
      .join(' ');
    return err(problem('M004', `there is no backbone "${name}"`, { help }));
  }
  if (alpha !== 1 && !architecture.scalable)
    return err(problem('M005', `${name} has no option alpha`, { help: 'only mobilenet-v1 has' }));
  if (!(alpha > 0 && alpha <= 4)) return err(problem('M005', `alpha ${alpha} is not above 0 and at most 4`));
  return ok(architecture);
}

/** The layers in use, for images of a shape. */
export function networkFor(
  architecture: Architecture,
  alpha: number,
  choice: Pick<BackboneChoice, 'top' | 'layer'>,
  image: Shape,
): Result<Network, Diagnostic> {
  const [height = 0, width = 0, channels = 0] = image;
  const network = architecture.build({
    height,
    width,
    channels,
    top: choice.top,
    classes: architecture.classes,
    alpha,
  });
  return choice.layer === null ? ok(network) : cutNetwork(network, choice.layer);
}

/** What is asked of the images; a size that is too small is found when the layers are walked. */
export function checkImage(
  architecture: Architecture,
  { top, weights }: BackboneChoice,
  image: Shape,
): Result<undefined, Diagnostic> {
  const [height = 0, width = 0, channels = 0] = image;
  const { name, size } = architecture;
  if (channels !== 1 && channels !== 3)
    return err(problem('M013', `${name} takes images of 1 or 3 channels, not ${channels}`));
  if (top && weights.type !== 'random' && (height !== size || width !== size)) {
    return err(
      problem('M013', `${name} with its top takes images of ${size}×${size}, but they are ${height}×${width}`, {
        help: `set \`size: [${size}, ${size}]\` in preprocess, or \`top: false\`, which takes any size`,
      }),
    );
  }
  return ok(undefined);
}

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
