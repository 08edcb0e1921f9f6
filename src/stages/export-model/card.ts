/** What a stranger must know of an exported model, as JSON: `model.json` beside it, or inside it where the format has that name. */
import type { Digest } from '../../base/digest.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import type { ExportFormat } from '../../exports/exported-model.ts';
import { commitOf } from '../../files/git-commit.ts';
import { channelModes, fits, kernels, type SettledPixels } from '../../images/pixel-spec.ts';
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
  /** How images are prepared for a model that normalizes inside; undefined where the card does not say. */
  readonly pixels: SettledPixels | undefined;
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
  const pixels = isJsonObject(preprocessing) ? pixelsOf(preprocessing) : undefined;
  return { file, format, reads, classes: names, pixels };
}

function pixelsOf({ height, width, fit, kernel, channels, crop, decoder }: JsonObject): SettledPixels | undefined {
  const found = {
    fit: fits.find((name) => name === fit),
    kernel: kernels.find((name) => name === kernel),
    channels: channelModes.find((name) => name === channels),
  };
  if (!isSide(height) || !isSide(width) || !found.fit || !found.kernel || !found.channels) return undefined;
  const cropped = isJsonObject(crop) ? crop : {};
  const own = { height: cropped['height'], width: cropped['width'] };
  return {
    height,
    width,
    fit: found.fit,
    kernel: found.kernel,
    channels: found.channels,
    crop: isSide(own.height) && isSide(own.width) ? { height: own.height, width: own.width } : null,
    normalize: { scale: 1, mean: [0], std: [1], reverse: false },
    augment: null,
    onBadImage: 'skip',
    decoder: typeof decoder === 'number' ? decoder : 0,
  };
}

function isSide(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}
