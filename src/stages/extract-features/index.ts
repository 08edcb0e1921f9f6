import { resolve } from 'node:path';
import { problem } from '../../base/diagnostic.ts';
import type { Json } from '../../base/json.ts';
import { err, ok } from '../../base/result.ts';
import type { Precision } from '../../engines/engine.ts';
import {
  type BackboneChoice,
  type BackboneName,
  isBackboneFile,
  type WeightsChoice,
} from '../../weights/backbone-choice.ts';
import { resolveBackbone } from '../../weights/resolve-backbone.ts';
import { booleanIn, choiceIn, membersOf, numberIn, textIn, wordWithSettings } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { initializerNames } from '../training/layer-list.ts';
import { defaults, defaultWeights } from './defaults.ts';

export interface ExtractFeaturesParams extends BackboneChoice {
  /** How the rows are kept. */
  readonly store: 'float32' | 'float16';
  readonly precision: Precision;
}

/** The output of a frozen network for every image, kept by the image's bytes. */
export const extractFeatures = defineStage<ExtractFeaturesParams>({
  kind: 'extract-features',
  version: 1,
  summary: 'Runs images through a frozen, pretrained network and keeps its output row by row.',
  ports: { data: { accepts: ['images'] } },
  gives: { features: 'features' },
  draws: false,
  complete(given) {
    const members = membersOf(given);
    const backbone = completeBackbone(members['backbone'] ?? '');
    const name = backbone.type === 'built-in' ? backbone.name : backbone.file;
    return {
      backbone,
      weights: completeWeights(members['weights'] ?? defaultWeights(name)),
      top: booleanIn(members, 'top', defaults.top),
      layer: (members['layer'] ?? defaults.layer) === null ? null : textIn(members, 'layer', ''),
      pooling: choiceIn(members, 'pooling', ['none', 'average', 'max'], defaults.pooling),
      store: choiceIn(members, 'store', ['float32', 'float16'], defaults.store),
      precision: choiceIn(members, 'precision', ['float32', 'float16', 'int8'], defaults.precision),
    };
  },
  async resolve(params, context) {
    const backbone = await resolveBackbone(params, {
      digests: context.digests,
      home: context.home,
      resolvePath: (path) =>
        resolve(context.baseDirectory(path === pathOf(params.weights) ? 'weights' : 'backbone'), path),
    });
    if (!backbone.ok) {
      const pointer = pointerOf(backbone.error.code);
      const { code, message, help, location = context.at(pointer) ?? context.at('backbone') } = backbone.error;
      return err([problem(code, message, { help, location })]);
    }
    const { identity, download } = backbone.value;
    return ok({
      identity: { backbone: identity, store: params.store, precision: params.precision },
      backbone: backbone.value,
      ...(download && { download }),
    });
  },
  loadBody: async () => (await import('./run.ts')).body,
});

/** `vgg16`, `{mobilenet-v1: {alpha: 0.25}}`, `net.onnx` or `{file: net.onnx, layout: nchw}`. */
function completeBackbone(given: Json): BackboneName {
  const members = membersOf(given);
  if ('file' in members) {
    const layout = members['layout'] === undefined ? null : choiceIn(members, 'layout', ['nhwc', 'nchw'], 'nchw');
    return { type: 'file', file: textIn(members, 'file', ''), layout };
  }
  const [name, settings] = wordWithSettings(given);
  if (isBackboneFile(name)) return { type: 'file', file: name, layout: null };
  return { type: 'built-in', name, alpha: numberIn(membersOf(settings), 'alpha', defaults.alpha) };
}

/** `imagenet`, `included`, `random`, `{random: {init, seed}}`, a path, or `{url, sha256}`. */
function completeWeights(given: Json): WeightsChoice {
  const members = membersOf(given);
  if ('url' in members)
    return { type: 'url', url: textIn(members, 'url', ''), sha256: textIn(members, 'sha256', '').toLowerCase() };
  const [word, settings] = wordWithSettings(given);
  if (word === 'imagenet' || word === 'included') return { type: word };
  if (word !== 'random') return { type: 'file', file: word };
  const drawn = membersOf(settings);
  const init = drawn['init'] === undefined ? null : choiceIn(drawn, 'init', initializerNames, 'glorot-uniform');
  return { type: 'random', init, seed: numberIn(drawn, 'seed', defaults.randomSeed) };
}

function pathOf(weights: WeightsChoice): string | undefined {
  return weights.type === 'file' ? weights.file : undefined;
}

/** The param that a diagnostic is about. */
function pointerOf(code: string): string {
  return code === 'M003' ? 'layer' : code === 'M001' || code === 'M008' ? 'weights' : 'backbone';
}
