/** What `precision: int8` would save a stage that is about to run a frozen network in float32: by what was measured on this machine, or not at all. */
import { INT8_NETWORKS, type Int8Speed, type Measured, networkKey } from '../engines/measured.ts';
import { CALIBRATION_IMAGES } from '../stages/backbone/quantizer.ts';
import type { PlannedForward } from '../stages/stage-kind.ts';

/** Milliseconds of the stage in both precisions; or only that `pipe engines bench` would tell. */
export type Int8Option = { readonly float32Ms: number; readonly int8Ms: number } | 'unmeasured';

/** Less is not worth another precision. */
const LEAST_SAVED_MS = 10_000;
/** So much work takes some half a minute on a processor of today: worth a word, even where nothing was measured. */
const MUCH = 5e12;

export interface Int8Question extends PlannedForward {
  /** Rows that would be computed. */
  readonly rows: number;
  /** Milliseconds that the stage is predicted to take, by earlier runs. */
  readonly predictedMs: number | undefined;
}

/** @param measured of ONNX Runtime on this machine's processor */
export function int8Option(
  { flops, network, rows, predictedMs }: Int8Question,
  measured: Measured | undefined,
): Int8Option | undefined {
  if (network === undefined) return undefined;
  const speed = measured?.int8?.[network];
  if (!speed) {
    const measurable = INT8_NETWORKS.some(({ name, alpha }) => networkKey(name, alpha) === network);
    return measurable && rows * flops >= MUCH ? 'unmeasured' : undefined;
  }
  const float32Ms = predictedMs ?? (rows * flops) / speed.float32 / 1e6;
  const int8Ms = inInt8(float32Ms, rows, flops, speed);
  return float32Ms - int8Ms >= LEAST_SAVED_MS ? { float32Ms, int8Ms } : undefined;
}

/**
 * Only the network's own part gets faster, not reading and preparing images; and the sample that it is calibrated with goes through it in
 * float32 once.
 */
function inInt8(float32Ms: number, rows: number, flops: number, { float32, int8 }: Int8Speed): number {
  const saved = ((rows * flops) / 1e6) * (1 / float32 - 1 / int8);
  const computed = Math.max(float32Ms - saved, float32Ms * Math.min(1, float32 / int8));
  return computed + (float32Ms / rows) * Math.min(rows, CALIBRATION_IMAGES);
}
