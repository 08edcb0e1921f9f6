/** Somebody's model file as a backbone: an ONNX graph, or a Keras model as a network of ours. */
import { readFileSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { cutNetwork } from '../networks/cut.ts';
import { showShape } from '../networks/layers.ts';
import type { Network, Shape, WeightSlot, Weights } from '../networks/network.ts';
import { openH5 } from './h5-file.ts';
import { readKerasConfig } from './keras-config.ts';
import { readKerasWeights } from './keras-weights.ts';
import { openKerasZip } from './keras-zip.ts';
import { type Layout, type OnnxFile, readOnnx } from './onnx/onnx-file.ts';

/** The architecture of a Keras file. Open sides of its input are 0. */
export async function readKerasModel(path: string, shownAs: string): Promise<Result<Network, Diagnostic>> {
  if (/\.keras$/i.test(path)) {
    const zip = await openKerasZip(path, shownAs);
    if (!zip.ok) return zip;
    zip.value.discard();
    return readKerasConfig(zip.value.modelConfig, shownAs);
  }
  const file = await openH5(path, shownAs);
  if (!file.ok) return file;
  await file.value.close();
  const { modelConfig } = file.value.contents;
  if (modelConfig !== null) return readKerasConfig(modelConfig, shownAs);
  return err(
    problem('M010', `${shownAs} holds weights without an architecture`, {
      help: 'name a built-in network as `backbone` and this file as `weights`, or save the whole model with `model.save`',
    }),
  );
}

/** The layers in use of a Keras model, for images of a shape. */
export function fitKerasModel(
  model: Network,
  layer: string | null,
  image: Shape,
  shownAs: string,
): Result<Network, Diagnostic> {
  const fits = model.input.length === 3 && model.input.every((extent, axis) => extent === 0 || extent === image[axis]);
  if (!fits) {
    return err(
      problem(
        'M013',
        `${shownAs} takes images of [${model.input.map((extent) => extent || '?').join(', ')}], but they are ${showShape(image)}`,
        {
          help: 'set `size` and `channels` in preprocess to what the model was built for',
        },
      ),
    );
  }
  const network = { ...model, input: image };
  return layer === null ? ok(network) : cutNetwork(network, layer);
}

/** The given weights out of a Keras file of any layout. */
export async function readKerasWeightsOf(
  path: string,
  shownAs: string,
  network: Network,
  slots: readonly WeightSlot[],
): Promise<Result<Weights, Diagnostic>> {
  const zip = /\.keras$/i.test(path) ? await openKerasZip(path, shownAs) : undefined;
  if (zip && !zip.ok) return zip;
  try {
    const file = await openH5(zip ? zip.value.weightsPath : path, shownAs);
    if (!file.ok) return file;
    const weights = await readKerasWeights(file.value, shownAs, network, slots);
    await file.value.close();
    return weights;
  } finally {
    zip?.value.discard();
  }
}

export function readOnnxFile(path: string, shownAs: string): Result<OnnxFile, Diagnostic> {
  return readOnnx(readFileSync(path), shownAs);
}

/** The layout of an ONNX file's input: as the file tells, else as the pipeline says. */
export function layoutOf({ input }: OnnxFile, said: Layout | null, shownAs: string): Result<Layout, Diagnostic> {
  if (input.layout && said && input.layout !== said) {
    return err(
      problem('M005', `${shownAs} takes its images as ${input.layout}, not ${said}`, { help: 'leave `layout` out' }),
    );
  }
  const layout = said ?? input.layout;
  if (layout) return ok(layout);
  return err(
    problem(
      'M005',
      `${shownAs} does not tell whether its images are [channels, height, width] or [height, width, channels]`,
      {
        help: 'add `layout: nchw` (PyTorch) or `layout: nhwc` (TensorFlow) beside the file',
      },
    ),
  );
}

/** Whether an ONNX file takes images of a shape in a layout. */
export function checkOnnxImage(
  { input }: OnnxFile,
  layout: Layout,
  image: Shape,
  shownAs: string,
): Result<undefined, Diagnostic> {
  // Where the file did not tell its layout, its extents are read as nchw: they are put right here.
  const wanted =
    layout === 'nhwc' && input.layout === undefined
      ? [input.channels, input.height, input.width]
      : [input.height, input.width, input.channels];
  if (wanted.every((extent, axis) => extent === null || extent === image[axis])) return ok(undefined);
  const open = wanted.map((extent) => extent ?? '?').join(', ');
  return err(
    problem(
      'M013',
      `${shownAs} takes images of [${open}] (height, width, channels), but they are ${showShape(image)}`,
      {
        help: 'set `size` and `channels` in preprocess to what the model was built for',
      },
    ),
  );
}
