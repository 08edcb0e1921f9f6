/**
 * A frozen network, from what a stage asks for to what an engine runs: `planBackbone` for shapes and cost (no weights),
 * `loadBackbone` for a run. `resolve-backbone.ts` comes before.
 */
import { basename } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.ts';
import { ok, type Result } from '../base/result.ts';
import type { ForwardProgram } from '../engines/engine.ts';
import { type PixelValues, pixelsForChannels } from '../networks/architectures/architecture.ts';
import { randomWeights } from '../networks/initializers.ts';
import { describeNetwork } from '../networks/layers.ts';
import type { Network, Shape } from '../networks/network.ts';
import type { BackboneChoice, Pooling } from './backbone-choice.ts';
import { architectureOf, checkImage, networkFor } from './built-in-network.ts';
import { readWeights } from './built-in-weights.ts';
import {
  checkOnnxImage,
  fitKerasModel,
  layoutOf,
  readKerasModel,
  readKerasWeightsOf,
  readOnnxFile,
} from './model-file.ts';
import { type ObtainContext, obtainCanonical, obtainUrl } from './obtain.ts';
import { cutOnnx, describeOnnx, type Layout, type OnnxFile } from './onnx/onnx-file.ts';
import { pixelsOfOnnx } from './onnx/pixel-metadata.ts';
import type { ResolvedBackbone, WeightsSource } from './resolve-backbone.ts';

export interface BackbonePlan {
  /** Shape of one feature row; undefined where only the engine can tell (some ONNX files). */
  readonly outputShape: Shape | undefined;
  /** For one image; undefined where it does not follow from the file. */
  readonly flops: number | undefined;
  /** How the network wants its pixels; undefined where neither the network nor the file says. */
  readonly pixels: PixelValues | undefined;
}

type Opened =
  | {
      readonly kind: 'network';
      readonly network: Network;
      readonly native: Network;
      readonly pixels: PixelValues | undefined;
    }
  | {
      readonly kind: 'onnx';
      readonly file: OnnxFile;
      readonly layout: Layout;
      readonly bytes: Uint8Array;
      readonly output: string;
    };

/** Shapes and cost for images of `[height, width, channels]`. Reads no weights of a built-in network. */
export async function planBackbone(
  resolved: ResolvedBackbone,
  image: Shape,
): Promise<Result<BackbonePlan, Diagnostic>> {
  const opened = await open(resolved, image);
  if (!opened.ok) return opened;
  const { pooling } = resolved.choice;
  if (opened.value.kind === 'network') {
    const description = describeNetwork(opened.value.network);
    if (!description.ok) return description;
    const { output, flops } = description.value;
    return ok({ outputShape: pooledShape(output, pooling), flops, pixels: opened.value.pixels });
  }
  const { file, layout, output } = opened.value;
  const layers = describeOnnx(file, layout, image);
  const end = layers.findIndex((layer) => layer.output === output);
  const shape = layers[end]?.shape;
  return ok({
    outputShape: shape && isClosed(shape) ? featureShape(shape, layout, pooling) : undefined,
    flops: layers.slice(0, end + 1).reduce((sum, layer) => sum + layer.flops, 0) || undefined,
    pixels: pixelsOfOnnx(file.model.metadata),
  });
}

/** The layers of a backbone for images of `[height, width, channels]`, without weights; undefined for an ONNX file. */
export async function backboneNetwork(
  resolved: ResolvedBackbone,
  image: Shape,
): Promise<Result<Network | undefined, Diagnostic>> {
  const opened = await open(resolved, image);
  return opened.ok ? ok(opened.value.kind === 'network' ? opened.value.network : undefined) : opened;
}

/** The program that an engine runs, weights and all. Fetches what is not here yet. */
export async function loadBackbone(
  resolved: ResolvedBackbone,
  image: Shape,
  context: ObtainContext,
): Promise<Result<ForwardProgram, Diagnostic>> {
  const { choice, source } = resolved;
  const opened = await open(resolved, image);
  if (!opened.ok) return opened;
  if (opened.value.kind === 'onnx') {
    const { file, layout, bytes, output } = opened.value;
    return ok({
      kind: 'onnx',
      bytes,
      input: { name: file.input.name, layout, shape: image, single: file.input.single },
      output,
      pooling: choice.pooling,
    });
  }
  const { network, native } = opened.value;
  const description = describeNetwork(network);
  if (!description.ok) return description;
  const weights = await (async () => {
    if (source.type === 'random')
      return randomWeights(network, choice.weights.type === 'random' ? choice.weights.seed : 0);
    const path = await obtain(source, context);
    if (!path.ok) return path;
    const shownAs = basename(path.value);
    if (choice.backbone.type === 'file')
      return readKerasWeightsOf(path.value, shownAs, network, description.value.slots);
    return readWeights(path.value, shownAs, network, native);
  })();
  if (!weights.ok) return weights;
  const pooling = description.value.output.length === 3 ? choice.pooling : 'none';
  return ok({ kind: 'network', network, weights: weights.value, layer: network.layers.at(-1)?.name ?? '', pooling });
}

function obtain(
  source: Exclude<WeightsSource, { type: 'random' }>,
  context: ObtainContext,
): Promise<Result<string, Diagnostic>> {
  if (source.type === 'canonical') return obtainCanonical(source.file, context);
  if (source.type === 'url') return obtainUrl(source.url, source.sha256, context);
  return Promise.resolve(ok(source.path));
}

async function open({ choice, source }: ResolvedBackbone, image: Shape): Promise<Result<Opened, Diagnostic>> {
  const { backbone } = choice;
  if (backbone.type === 'built-in') return openBuiltIn(choice, backbone.alpha, image);
  if (source.type !== 'path') throw new Error('a model file without a path');
  const shownAs = backbone.file;
  if (/\.onnx$/i.test(backbone.file)) {
    const file = readOnnxFile(source.path, shownAs);
    if (!file.ok) return file;
    const layout = layoutOf(file.value, backbone.layout, shownAs);
    if (!layout.ok) return layout;
    const fits = checkOnnxImage(file.value, layout.value, image, shownAs);
    if (!fits.ok) return fits;
    const cut = cutOnnx(file.value, choice.layer ?? undefined, shownAs);
    return cut.ok ? ok({ kind: 'onnx', file: file.value, layout: layout.value, ...cut.value }) : cut;
  }
  const model = await readKerasModel(source.path, shownAs);
  if (!model.ok) return model;
  const network = fitKerasModel(model.value, choice.layer, image, shownAs);
  return network.ok
    ? ok({ kind: 'network', network: network.value, native: network.value, pixels: undefined })
    : network;
}

function openBuiltIn(choice: BackboneChoice, alpha: number, image: Shape): Result<Opened, Diagnostic> {
  if (choice.backbone.type !== 'built-in') throw new Error('not a built-in backbone');
  const architecture = architectureOf(choice.backbone);
  if (!architecture.ok) return architecture;
  const fits = checkImage(architecture.value, choice, image);
  if (!fits.ok) return fits;
  const [height = 0, width = 0, channels = 0] = image;
  const network = networkFor(architecture.value, alpha, choice, image);
  if (!network.ok) return network;
  const native = networkFor(architecture.value, alpha, choice, [height, width, architecture.value.channels]);
  if (!native.ok) return native;
  const { weights } = choice;
  const drawn =
    weights.type === 'random' && weights.init !== null ? withInit(network.value, weights.init) : network.value;
  return ok({
    kind: 'network',
    network: drawn,
    native: native.value,
    pixels: pixelsForChannels(architecture.value.pixels, channels),
  });
}

function withInit(
  network: Network,
  init: NonNullable<Extract<BackboneChoice['weights'], { type: 'random' }>['init']>,
): Network {
  return { ...network, layers: network.layers.map((layer) => ('init' in layer ? { ...layer, init } : layer)) };
}

function pooledShape(shape: Shape, pooling: Pooling): Shape {
  return shape.length === 3 && pooling !== 'none' ? shape.slice(2) : shape;
}

/** As the engine gives it: channels last, and without extents that are only 1 after a global pool. */
function featureShape(shape: Shape, layout: Layout, pooling: Pooling): Shape {
  if (shape.length !== 3) return shape;
  const [a = 1, b = 1, c = 1] = shape;
  const [height, width, channels] = layout === 'nchw' ? [b, c, a] : [a, b, c];
  return pooling !== 'none' || height * width === 1 ? [channels] : [height, width, channels];
}

function isClosed(shape: readonly (number | null)[]): shape is Shape {
  return shape.every((extent) => extent !== null);
}
