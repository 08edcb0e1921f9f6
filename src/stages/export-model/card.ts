/** What a stranger must know of an exported model, as JSON: `model.json` beside it, or inside it where the format has that name. */
import type { Digest } from '../../base/digest.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import type { ExportFormat } from '../../exports/exported-model.ts';
import { commitOf } from '../../files/git-commit.ts';
import type { SettledPixels } from '../../images/prepare.ts';
import { describeNetwork } from '../../networks/layers.ts';
import type { Network } from '../../networks/network.ts';
import type { ModelArtifact } from '../artifacts.ts';
import { pixelIdentity } from '../feature-space.ts';
import type { RunContext } from '../stage-kind.ts';

/** Raised when an older reader would misread a card. */
export const CARD_FORMAT = 1;

export interface Described {
  readonly model: ModelArtifact;
  /** As it is written. */
  readonly network: Network;
  /** Of a network from pixels on. */
  readonly pixels: SettledPixels | undefined;
}

/** What goes into the model's own file: enough to use it. */
export function aboutModel({ model, network, pixels }: Described): JsonObject {
  const { reads, classes } = model;
  const source: JsonObject = reads.type === 'features' ? reads.source : {};
  const prepared = pixels ? pixelIdentity(pixels) : (source['pixels'] ?? null);
  return {
    reads: pixels ? 'pixels' : 'features',
    classes: [...classes],
    input: {
      shape: [...network.input],
      ...(pixels && { layout: 'height, width, channels', channels: pixels.channels, values: '0 to 255' }),
    },
    preprocessing: isJsonObject(prepared) ? { ...prepared, normalized: pixels ? 'inside' : 'before' } : null,
    backbone: source['backbone'] ?? null,
  };
}

export interface WrittenFile {
  readonly name: string;
  readonly blob: Digest;
  readonly bytes: number;
}

/** Where the card lies. */
export const CARD = 'model.json';

/** @param files the model's own, the main one first */
export function cardOf(
  described: Described,
  format: ExportFormat,
  files: readonly WrittenFile[],
  context: Pick<RunContext, 'origin' | 'root' | 'has' | 'input'>,
): JsonObject {
  const { model, network } = described;
  const description = describeNetwork(network);
  const [main] = files;
  const { pipeline, stages } = context.origin;
  const ingested = stages.filter(({ reads }) => reads.length === 0);
  return {
    card: CARD_FORMAT,
    model: { file: main?.name ?? '', format, name: network.name },
    // The file that holds this card cannot hold its own digest.
    files: Object.fromEntries(
      files.flatMap(({ name, blob, bytes }) => (name === CARD ? [] : [[name, { sha256: blob, bytes }]])),
    ),
    ...aboutModel(described),
    output: { name: 'probabilities', shape: [model.classes.length] },
    parameters: description.ok ? description.value.parameters : null,
    data: Object.fromEntries(ingested.map((stage) => [stage.name, stage.with])),
    pipeline: {
      name: pipeline,
      commit: commitOf(context.root) ?? null,
      stages: Object.fromEntries(
        stages.map(({ name, kind, fingerprint, with: settings }) => [name, { kind, fingerprint, with: settings }]),
      ),
    },
    training: model.history.length > 0 ? { epochs: model.history.length, last: { ...model.history.at(-1) } } : null,
    metrics: context.has('metrics') ? { ...context.input('metrics', 'metrics').values } : null,
  };
}

/** A card as somebody's file gives it: checked as far as it is used. */
export interface ReadCard {
  readonly file: string;
  readonly format: string;
  readonly reads: string;
  readonly classes: readonly string[];
  readonly preprocessing: JsonObject;
}

/** The card in a file's JSON, also inside a `model.json` of TensorFlow.js; undefined where there is none that this version knows. */
export function readCard(json: Json): ReadCard | undefined {
  const outer = isJsonObject(json) ? json : {};
  const inner = outer['userDefinedMetadata'];
  const card = isJsonObject(inner) ? inner : outer;
  const { model, reads, classes, preprocessing } = card;
  if (card['card'] !== CARD_FORMAT || !isJsonObject(model) || typeof reads !== 'string') return undefined;
  const { file, format } = model;
  if (typeof file !== 'string' || typeof format !== 'string' || !classes || !isJsonArray(classes)) return undefined;
  const names = classes.filter((name) => typeof name === 'string');
  return { file, format, reads, classes: names, preprocessing: isJsonObject(preprocessing) ? preprocessing : {} };
}
