/**
 * What eight-bit integers stand for in a network: the range of each of its values over a sample of the training images. The sample follows
 * from the images' digests alone, so neither order nor names nor the pipeline's seed move it; it names the row space of the features.
 */
import { createHash } from 'node:crypto';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { type Digest, parseDigest, taggedDigest } from '../../base/digest.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowStore } from '../../cache/row-store.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { ForwardSession } from '../../engines/engine.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { pixelIdentity } from '../feature-space.ts';
import { distinctRows } from '../inputs/distinct-rows.ts';
import { ImageInputs, type ImageInputsOptions } from '../inputs/image-inputs.ts';
import { forwardBatch } from '../scorer.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { CALIBRATION_IMAGES } from './calibration-size.ts';

/** Raised when the same sample would give other eight-bit numbers. */
export const QUANTIZER_VERSION = 1;

export interface CalibrationSample {
  /** Of the digests of the sample's images. */
  readonly images: Digest;
  readonly rows: Uint32Array;
}

/** The training images (all, where there are none) that come first in the order of a hash of their digests. */
export function calibrationSample(table: RowTable): CalibrationSample {
  const trained = table.rowsOf('train');
  const rows = trained.length > 0 ? trained : Uint32Array.from({ length: table.count }, (_, row) => row);
  const training = table.select(rows);
  let first: { readonly row: number; readonly order: Buffer }[] = [];
  for (const at of distinctRows(training)) {
    first.push({ row: rows[at] ?? 0, order: rank(training.key(at)) });
    if (first.length >= 4 * CALIBRATION_IMAGES) first = foremost(first);
  }
  first = foremost(first);
  const hash = createHash('sha256').update(`calibration sample ${first.length}\n`);
  for (const { row } of first) hash.update(table.key(row));
  return { images: parseDigest(hash.digest('hex')), rows: Uint32Array.from(first, ({ row }) => row) };
}

function foremost<T extends { readonly order: Buffer }>(candidates: readonly T[]): T[] {
  return candidates.toSorted((a, b) => Buffer.compare(a.order, b.order)).slice(0, CALIBRATION_IMAGES);
}

function rank(key: Uint8Array): Buffer {
  return createHash('sha256').update('calibration\n').update(key).digest();
}

/** What was found out of a sample: enough to compute further rows of the same space. */
export interface Calibration {
  readonly images: Digest;
  readonly ranges: readonly number[];
}

export function calibrationToJson({ images, ranges }: Calibration): JsonObject {
  return { images, ranges: [...ranges] };
}

export function calibrationFromJson(json: Json | undefined): Calibration | undefined {
  if (!isJsonObject(json)) return undefined;
  const { images, ranges } = json;
  if (typeof images !== 'string' || ranges === undefined || !isJsonArray(ranges)) return undefined;
  return { images: parseDigest(images), ranges: ranges.map(Number) };
}

/** Where calibrations of a network for its pixels are kept, a row a sample. */
export interface CalibrationSpace {
  readonly id: Digest;
  readonly definition: JsonObject;
}

export function calibrationSpace(pixels: SettledPixels, backbone: JsonObject): CalibrationSpace {
  const definition: JsonObject = {
    kind: 'calibration',
    version: QUANTIZER_VERSION,
    pixels: pixelIdentity(pixels),
    backbone,
  };
  return { id: taggedDigest('row-space', definition), definition };
}

/** The calibration with a sample, where it is kept. */
export async function knownCalibration(
  { id }: CalibrationSpace,
  images: Digest,
  rowStore: RowStore,
): Promise<Calibration | undefined> {
  const space = await rowStore.find(id);
  if (!space) return undefined;
  try {
    const key = Buffer.from(images, 'hex');
    if (!space.has(key)) return undefined;
    const ranges = new Float32Array(space.rowBytes / 4);
    const { missing } = await space.read([key], new Uint8Array(ranges.buffer));
    return missing.length > 0 ? undefined : { images, ranges: [...ranges] };
  } finally {
    await space.close();
  }
}

export async function keepCalibration(
  { id, definition }: CalibrationSpace,
  { images, ranges }: Calibration,
  rowStore: RowStore,
): Promise<void> {
  const row = Float32Array.from(ranges);
  const space = await rowStore.open(id, definition, row.byteLength);
  await space.append([Buffer.from(images, 'hex')], new Uint8Array(row.buffer));
  await space.close();
}

/** Runs the sample through a session that gives ranges a row. */
export async function calibrate(
  { images, rows }: CalibrationSample,
  session: ForwardSession,
  options: ImageInputsOptions,
  { signal, progress }: Pick<RunContext, 'signal' | 'progress'>,
): Promise<Result<Calibration, StageFailure>> {
  const inputs = new ImageInputs(options);
  const reader = inputs.open(rows, forwardBatch(inputs.shape));
  const values = (session.outputShape[0] ?? 0) / 2;
  const ends = new Float32Array(2 * values).fill(Number.POSITIVE_INFINITY).fill(Number.NEGATIVE_INFINITY, values);
  let done = 0;
  try {
    for (;;) {
      const batch = await reader.next();
      if (!batch.ok) return batch;
      if (!batch.value) break;
      if (signal.aborted) return err({ reason: 'interrupted' });
      const count = batch.value.rows.length;
      if (count === 0) continue;
      const found = await session.run(batch.value.input, count);
      for (let at = 0; at < found.length; at++) {
        const value = at % (2 * values);
        const end = value < values ? Math.min : Math.max;
        ends[value] = end(ends[value] ?? 0, found[at] ?? 0);
      }
      done += count;
      progress(done, rows.length, 'calibrating');
    }
  } finally {
    await reader.close();
  }
  if (done === 0 || !ends.every((end) => Number.isFinite(end)))
    return err({ reason: 'diagnostics', diagnostics: [uncalibrated(done)] });
  return ok({ images, ranges: [...ends.map(roundedOut)] });
}

function uncalibrated(images: number): Diagnostic {
  const why =
    images === 0 ? 'there is no image to find the ranges of its numbers with' : 'it gives numbers that are not finite';
  return problem('S043', `the network cannot be quantised: ${why}`, { help: 'leave `precision: int8` out' });
}

/** Away from zero to eleven significant bits, so that engines whose last bits differ find the same ranges. */
export function roundedOut(value: number): number {
  if (value === 0) return 0;
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return Math.sign(value) * Math.ceil(Math.abs(value) / step) * step;
}
