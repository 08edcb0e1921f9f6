/** Differences between lock files in words. */
import type { Json } from '../base/json.ts';
import type { Difference } from './compare-locks.ts';

export interface Described {
  readonly stage: string;
  readonly text: string;
}

/** One line a stage. */
export function describeDifferences(found: readonly Difference[]): readonly Described[] {
  const stages = [...new Set(found.map(({ stage }) => stage))];
  return stages.map((stage) => {
    const own = found.filter((difference) => difference.stage === stage);
    // A stage that is new or gone as a whole says so, and no more.
    const whole = own.filter(({ aspect }) => aspect === 'stage');
    return { stage, text: (whole.length > 0 ? whole : own).map(describeDifference).join(', ') };
  });
}

/** `epochs 20 → 5`, `metric log-loss 0.079 → 0.081`, `data digest (rows) e04ae8… → 9d3c11…` */
export function describeDifference({ aspect, path, before, after }: Difference): string {
  const arrow = `${showValue(before)} → ${showValue(after)}`;
  switch (aspect) {
    case 'stage':
      return before === undefined ? 'it is new' : 'it is gone';
    case 'setting':
      return `${path} ${arrow}`;
    case 'data':
      return `data digest (${path}) ${arrow}`;
    case 'weights':
      return `weights digest ${arrow}`;
    case 'count':
      return `count of ${path} ${arrow}`;
    case 'metric':
      return `metric ${path} ${arrow}`;
    case 'fingerprint':
      return `fingerprint ${arrow}`;
    case 'engine':
      return `engine ${arrow}`;
  }
}

/** A value in few words; digests by their beginning. */
export function showValue(value: Json | undefined): string {
  if (value === undefined || value === null) return value === null ? 'null' : '–';
  if (typeof value === 'string') {
    const digest = /^((?:sha256:|md5:)?)([0-9a-f]{8})[0-9a-f]{24,56}$/.exec(value);
    if (digest) return `${digest[1]}${digest[2]}…`;
    return value.length > 60 ? `${value.slice(0, 57)}…` : value;
  }
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
