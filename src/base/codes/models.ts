import { defineCodes } from './code.ts';

export const modelCodes = defineCodes({
  M001: {
    exit: 6,
    title: 'a weights file is missing',
    explanation:
      'The weights that a backbone needs are not on this machine. Fetch them with `pipe weights fetch NAME`, or import a file with `pipe weights add FILE`.',
  },
  M002: {
    exit: 3,
    title: 'the layers of a network do not fit together',
    explanation:
      'A layer cannot take the shape that the one before it gives. The message names the layer, the shape it expects and the shape it gets; add a flatten, use a larger input or fewer pools.',
  },
  M003: {
    exit: 3,
    title: 'no such layer',
    explanation:
      'The network has no layer of that name. `pipe backbone show NAME` prints all layers with their shapes.',
  },
  M004: {
    exit: 3,
    title: 'unknown backbone',
    explanation: 'A backbone is the name of a built-in network, or the path of an .onnx, .h5 or .keras file.',
  },
  M005: {
    exit: 3,
    title: 'the options do not fit the backbone',
    explanation:
      'An option (alpha, top, layer, weights, input size) is not to be had with this backbone. The message says what is.',
  },
  M006: {
    exit: 6,
    title: 'a fetched file has the wrong checksum',
    explanation:
      'The bytes are not the published ones: a broken download, a changed file, or another file of that name. Nothing of it was read. Delete it and fetch it again, or import the right weights with `pipe weights add FILE`.',
  },
  M007: {
    exit: 6,
    title: 'a model file cannot be read',
    explanation: 'The file is truncated, damaged, or not of the format that its name says.',
  },
  M008: {
    exit: 6,
    title: 'a weights file does not fit the network',
    explanation:
      'A layer in use is missing from the file or has another shape there. The first difference is named. A file need only hold the layers in use.',
  },
  M009: {
    exit: 6,
    title: 'a model file was refused as unsafe',
    explanation:
      'The file points outside of itself (external data, links), declares far more data than it holds, or holds what a model has no use for. Convert it to a plain, self-contained file.',
  },
  M010: {
    exit: 6,
    title: 'a model uses something that is not supported',
    explanation:
      'A layer, operator or operator set version is unknown here, or is custom code, which is never run. The message names it. Export the model to .onnx with standard operators.',
  },
  M011: {
    exit: 6,
    title: 'a weights file holds NaN or infinity',
    explanation:
      'Every feature computed with such weights would be NaN. The training that wrote the file diverged, or the file is damaged.',
  },
  M012: {
    exit: 6,
    title: 'reading a model file did not end',
    explanation:
      'The reader ran into its time limit or crashed on this file. That happens with damaged or hostile HDF5 files only.',
  },
  M013: {
    exit: 3,
    title: 'the images do not fit the backbone',
    explanation: 'The backbone expects another height, width or number of channels than `preprocess` gives.',
  },
});
