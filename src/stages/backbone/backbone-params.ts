/** The params that name a pretrained network, shared by the kinds that run one. */
import { resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Json, JsonObject } from '../../base/json.ts';
import { err, type Result } from '../../base/result.ts';
import {
  type BackboneChoice,
  type BackboneName,
  isBackboneFile,
  type WeightsChoice,
} from '../../weights/backbone-choice.ts';
import { type ResolvedBackbone, resolveBackbone } from '../../weights/resolve-backbone.ts';
import { booleanIn, choiceIn, membersOf, numberIn, textIn, wordWithSettings } from '../given-params.ts';
import type { ResolveContext } from '../stage-kind.ts';
import { initializerNames } from '../training/layer-list.ts';
import { backboneDefaults as defaults, defaultWeights } from './backbone-defaults.ts';

/** Writes out which network is meant. */
export function completeBackboneChoice(members: JsonObject): BackboneChoice {
  const backbone = completeBackbone(members['backbone'] ?? '');
  const name = backbone.type === 'built-in' ? backbone.name : backbone.file;
  return {
    backbone,
    weights: completeWeights(members['weights'] ?? defaultWeights(name)),
    top: booleanIn(members, 'top', defaults.top),
    layer: (members['layer'] ?? defaults.layer) === null ? null : textIn(members, 'layer', ''),
    pooling: choiceIn(members, 'pooling', ['none', 'average', 'max'], defaults.pooling),
  };
}

/** Names the network by digests. Its diagnostics point at the param that they are about. */
export async function resolveChoice(
  choice: BackboneChoice,
  context: ResolveContext,
): Promise<Result<ResolvedBackbone, readonly Diagnostic[]>> {
  const resolved = await resolveBackbone(choice, {
    digests: context.digests,
    home: context.home,
    resolvePath: (path) =>
      resolve(context.baseDirectory(path === pathOf(choice.weights) ? 'weights' : 'backbone'), path),
  });
  if (resolved.ok) return resolved;
  const { code, message, help, location = context.at(pointerOf(code)) ?? context.at('backbone') } = resolved.error;
  return err([problem(code, message, { help, location })]);
}

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
