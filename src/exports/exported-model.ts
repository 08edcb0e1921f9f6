/** What is written for other programs: a network from its input to probabilities, with what its users must know. */
import type { Diagnostic } from '../base/diagnostic.ts';
import type { JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import type { Network, Weights } from '../networks/network.ts';

export const formats = ['onnx', 'tfjs', 'keras-h5', 'keras'] as const;
export type ExportFormat = (typeof formats)[number];

export interface ExportedModel {
  /** Its last layer is the softmax; inputs are channels-last. */
  readonly network: Network;
  readonly weights: Weights;
  /** What the input and the output are called, where a format names them. */
  readonly input: string;
  readonly output: string;
  /** Classes, preprocessing and the like: goes into the file, each member under its key. */
  readonly about: JsonObject;
}

/** Writes a model into a folder; gives the names of the files, the main one first. The same model gives the same bytes. */
export type WriteExport = (
  model: ExportedModel,
  folder: string,
) => Promise<Result<readonly [string, ...string[]], Diagnostic>>;
