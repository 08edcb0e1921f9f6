/**
 * What eight-bit integers stand for in a network: the range of each of its values over a sample of the training images. The sample follows
 * from the images' digests alone, so neither order nor names nor the pipeline's seed move it; it names the row space of the features.
 */
import { createHash } from 'node:crypto';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { type Digest, parseDigest, taggedDigest } from '../../base/digest.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowStore } from '../../cache/row-store.ts';
import type { RowTable } from '../../data/row-table.ts';
import { CalibrationFold } from '../../engines/calibration-fold.ts';
import type { ForwardSession } from '../../engines/engine.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { pixelIdentity } from '../feature-space.ts';
import { distinctRows } from '../inputs/distinct-rows.ts';
import { ImageInputs, type ImageInputsOptions } from '../inputs/image-inputs.ts';
import { forwardBatch } from '../scorer.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { CALIBRATION_IMAGES, QUANTIZER_VERSION } from './quantizer.ts';

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
  /** What `CalibrationFold` gives. */
  readonly ranges: Float32Array<ArrayBuffer>;
}

/** The numbers in base64: there are thousands of them. */
export function calibrationToJson({ images, ranges }: Calibration): JsonObject {
  const numbers = Buffer.from(ranges.buffer, ranges.byteOffset, ranges.byteLength).toString('base64');
  return { version: QUANTIZER_VERSION, images, ranges: numbers };
}

/** Undefined where there is none, or one of another version of the quantiser. */
export function calibrationFromJson(json: Json | undefined): Calibration | undefined {
  if (!isJsonObject(json)) return undefined;
  const { version, images, ranges } = json;
  if (version !== QUANTIZER_VERSION || typeof images !== 'string' || typeof ranges !== 'string') return undefined;
  const bytes = Uint8Array.from(Buffer.from(ranges, 'base64'));
  return { images: parseDigest(images), ranges: new Float32Array(bytes.buffer) };
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
    return missing.length > 0 ? undefined : { images, ranges };
  } finally {
    await space.close();
  }
}

export async function keepCalibration(
  { id, definition }: CalibrationSpace,
  { images, ranges }: Calibration,
  rowStore: RowStore,
): Promise<void> {
  const row = new Uint8Array(ranges.buffer, ranges.byteOffset, ranges.byteLength);
  const space = await rowStore.open(id, definition, row.byteLength);
  await space.append([Buffer.from(images, 'hex')], row);
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
  const fold = new CalibrationFold(session);
  let done = 0;
  try {
    for (;;) {
      const batch = await reader.next();
      if (!batch.ok) return batch;
      if (!batch.value) break;
      if (signal.aborted) return err({ reason: 'interrupted' });
      const count = batch.value.rows.length;
      if (count === 0) continue;
      fold.add(await session.run(batch.value.input, count));
      done += count;
      progress(done, rows.length, 'calibrating');
    }
  } finally {
    await reader.close();
  }
  const ranges = fold.result();
  if (done === 0 || !ranges.every((number) => Number.isFinite(number)))
    return err({ reason: 'diagnostics', diagnostics: [uncalibrated(done)] });
  return ok({ images, ranges });
}

function uncalibrated(images: number): Diagnostic {
  const why =
    images === 0 ? 'there is no image to find the ranges of its numbers with' : 'it gives numbers that are not finite';
  return problem('S043', `the network cannot be quantised: ${why}`, { help: 'leave `precision: int8` out' });
}
