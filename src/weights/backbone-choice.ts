/** Which frozen network a stage asks for, with every default written out. */
import type { JsonObject } from '../base/json.ts';
import { findArchitecture } from '../networks/architectures/index.ts';
import type { InitializerName } from '../networks/network.ts';
import type { Layout } from './onnx/onnx-file.ts';

export type BackboneName =
  | { readonly type: 'built-in'; readonly name: string; readonly alpha: number }
  /** An `.onnx` file, or a Keras model with its architecture (`.h5`, `.keras`). `layout` where the file does not tell. */
  | { readonly type: 'file'; readonly file: string; readonly layout: Layout | null };

export type WeightsChoice =
  /** The file that Keras publishes, trained on ImageNet. */
  | { readonly type: 'imagenet' }
  /** What comes with the backbone: the weights that ship with the package, or a model file's own. */
  | { readonly type: 'included' }
  | { readonly type: 'random'; readonly init: InitializerName | null; readonly seed: number }
  | { readonly type: 'file'; readonly file: string }
  | { readonly type: 'url'; readonly url: string; readonly sha256: string };

export type Pooling = 'none' | 'average' | 'max';

export interface BackboneChoice {
  readonly backbone: BackboneName;
  readonly weights: WeightsChoice;
  readonly top: boolean;
  /** Layer whose output is wanted; null for the last one. */
  readonly layer: string | null;
  readonly pooling: Pooling;
}

/** Something with a path in it: an ONNX or Keras file. Everything else is the name of a built-in network. */
export function isBackboneFile(name: string): boolean {
  return /\.(onnx|h5|hdf5|keras)$/i.test(name);
}

/** The name as the pipeline file gives it, for messages. */
export function showBackbone(backbone: BackboneName): string {
  if (backbone.type === 'file') return backbone.file;
  return findArchitecture(backbone.name)?.scalable ? `${backbone.name} (alpha ${backbone.alpha})` : backbone.name;
}

/** A choice as JSON, for records that are read back later. */
export function choiceToJson({ backbone, weights, top, layer, pooling }: BackboneChoice): JsonObject {
  return { backbone: { ...backbone }, weights: { ...weights }, top, layer, pooling };
}
