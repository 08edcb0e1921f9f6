/** A trial: one run of the pipeline with some settings changed. */
import type { Json } from '../base/json.ts';
import type { Setting, Space } from './space.ts';
import type { Proposal } from './strategy.ts';

export interface Trial {
  /** From 1, in the order of the proposals. */
  readonly number: number;
  readonly proposal: Proposal;
  /** By path, in the order of the alphabet. */
  readonly settings: readonly Setting[];
  /** The settings of each run: the same with another seed. */
  readonly runs: readonly (readonly Setting[])[];
}

export interface TrialOptions {
  readonly space: Space;
  readonly seeds: number;
  /** The pipeline's own seed, from which those of a trial's runs are counted up. */
  readonly seed: number;
}

export function trialOf(number: number, proposal: Proposal, { space, seeds, seed }: TrialOptions): Trial {
  const extra = Object.entries(proposal.extra ?? {}).map(([path, value]): Setting => ({ path, value }));
  const settings = [...space.settings(proposal.point), ...extra].sort((a, b) => (a.path < b.path ? -1 : 1));
  const own = settings.find(({ path }) => path === 'seed')?.value;
  const first = typeof own === 'number' ? own : seed;
  const runs =
    seeds === 1
      ? [settings]
      : Array.from({ length: seeds }, (_, i) => [
          ...settings.filter(({ path }) => path !== 'seed'),
          { path: 'seed', value: first + i },
        ]);
  return { number, proposal, settings, runs };
}

/** `head.batch=64 head.optimizer=adam`, for people. */
export function showSettings(settings: readonly Setting[]): string {
  return settings.map(({ path, value }) => `${path}=${showValue(value)}`).join(' ');
}

/** A value as short as it can be told. */
export function showValue(value: Json): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  return typeof value === 'string'
    ? value
    : JSON.stringify(value, (_, part) => (typeof part === 'number' ? Number(part.toPrecision(4)) : part));
}
