/** What `pipe backbone show` prints: the layers of a built-in network or of a model file. */
import { existsSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { PixelValues } from '../networks/architectures/architecture.ts';
import { describeNetwork, showShape } from '../networks/layers.ts';
import type { Network, Shape } from '../networks/network.ts';
import { isBackboneFile } from './backbone-choice.ts';
import { architectureOf } from './built-in-network.ts';
import { layoutOf, readKerasModel, readOnnxFile } from './model-file.ts';
import { describeOnnx, type Layout, showOpen } from './onnx/onnx-file.ts';
import { pixelsOfOnnx } from './onnx/pixel-metadata.ts';

export interface ShownLayer {
  /** What `layer:` takes. */
  readonly name: string;
  readonly type: string;
  /** `[7, 7, 512]`; `?` where an extent does not follow from the file. */
  readonly shape: string;
  readonly parameters: number;
  readonly flops: number;
}

export interface ShownBackbone {
  readonly name: string;
  readonly summary: string;
  /** Shape of the images that the shapes are for. */
  readonly input: Shape;
  readonly layers: readonly ShownLayer[];
  readonly parameters: number;
  readonly flops: number;
  readonly pixels: PixelValues | undefined;
}

export interface DescribeOptions {
  readonly alpha?: number;
  readonly height?: number;
  readonly width?: number;
  readonly layout?: Layout;
}

/** Side taken where neither the file nor the caller names one. */
const USUAL_SIDE = 224;

/** Built-in networks are shown with their top. */
export async function describeBackbone(
  nameOrFile: string,
  options: DescribeOptions = {},
): Promise<Result<ShownBackbone, Diagnostic>> {
  if (isBackboneFile(nameOrFile)) {
    if (!existsSync(nameOrFile)) return err(problem('M001', `no such file: ${nameOrFile}`));
    return /\.onnx$/i.test(nameOrFile) ? describeOnnxFile(nameOrFile, options) : describeKerasFile(nameOrFile, options);
  }
  const alpha = options.alpha ?? 1;
  const architecture = architectureOf({ type: 'built-in', name: nameOrFile, alpha });
  if (!architecture.ok) return architecture;
  const { size, channels, classes, summary, pixels } = architecture.value;
  const [height, width] = [options.height ?? size, options.width ?? size];
  const network = architecture.value.build({ height, width, channels, top: true, classes, alpha });
  return describe(network, summary, pixels);
}

function describe(
  network: Network,
  summary: string,
  pixels: PixelValues | undefined,
): Result<ShownBackbone, Diagnostic> {
  const description = describeNetwork(network);
  if (!description.ok) return description;
  const { layers, parameters, flops } = description.value;
  return ok({
    name: network.name,
    summary,
    input: network.input,
    layers: layers.map((layer) => ({
      name: layer.name,
      type: layer.type,
      shape: showShape(layer.output),
      parameters: layer.parameters,
      flops: layer.flops,
    })),
    parameters,
    flops,
    pixels,
  });
}

async function describeKerasFile(
  file: string,
  { height, width }: DescribeOptions,
): Promise<Result<ShownBackbone, Diagnostic>> {
  const model = await readKerasModel(file, file);
  if (!model.ok) return model;
  const [h = 0, w = 0, channels = 0] = model.value.input;
  const input =
    model.value.input.length === 3
      ? [height ?? (h || USUAL_SIDE), width ?? (w || USUAL_SIDE), channels || 3]
      : model.value.input;
  return describe({ ...model.value, input }, 'a Keras model', undefined);
}

function describeOnnxFile(path: string, options: DescribeOptions): Result<ShownBackbone, Diagnostic> {
  const file = readOnnxFile(path, path);
  if (!file.ok) return file;
  const layout = layoutOf(file.value, options.layout ?? null, path);
  if (!layout.ok) return layout;
  const { height, width, channels } = file.value.input;
  const input = [options.height ?? height ?? USUAL_SIDE, options.width ?? width ?? USUAL_SIDE, channels ?? 3];
  const layers = describeOnnx(file.value, layout.value, input);
  return ok({
    name: path,
    summary: `an ONNX model, its images ${layout.value.toUpperCase()}`,
    input,
    layers: layers.map(({ name, operator, shape, parameters, flops }) => ({
      name,
      type: operator,
      shape: showOpen(shape),
      parameters,
      flops,
    })),
    parameters: layers.reduce((sum, { parameters }) => sum + parameters, 0),
    flops: layers.reduce((sum, { flops }) => sum + flops, 0),
    pixels: pixelsOfOnnx(file.value.model.metadata),
  });
}
