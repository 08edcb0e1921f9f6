import { booleanIn, membersOf, numberIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { defaults } from './defaults.ts';
import { splitRows } from './split-rows.ts';

export interface SplitParams {
  readonly validation: number;
  readonly test: number;
  readonly stratify: boolean;
  readonly seed: number | null;
  readonly groupBy: string | null;
  readonly take: { readonly train: number | null; readonly test: number | null };
  readonly takePerClass: number | null;
  /** Parts of a cross-validation, and the one (from 1) that is set aside. */
  readonly folds: number | null;
  readonly fold: number;
}

/** Sets rows aside to measure on. */
export const split = defineStage<SplitParams>({
  kind: 'split',
  version: 1,
  summary: 'Sets labelled rows aside to measure on; takes a seeded part of a data set.',
  ports: { data: { accepts: ['dataset'] } },
  gives: { dataset: 'dataset' },
  draws: true,
  complete(given) {
    const members = membersOf(given);
    const take = members['take'] ?? null;
    const limits = membersOf(take);
    const limit = (key: string) => (typeof limits[key] === 'number' ? numberIn(limits, key, 0) : null);
    return {
      validation: numberIn(members, 'validation', defaults.validation),
      test: numberIn(members, 'test', defaults.test),
      stratify: booleanIn(members, 'stratify', defaults.stratify),
      seed: typeof members['seed'] === 'number' ? numberIn(members, 'seed', 0) : defaults.seed,
      groupBy: typeof members['groupBy'] === 'string' ? members['groupBy'] : defaults.groupBy,
      take: typeof take === 'number' ? { train: take, test: null } : { train: limit('train'), test: limit('test') },
      takePerClass:
        typeof members['takePerClass'] === 'number' ? numberIn(members, 'takePerClass', 1) : defaults.takePerClass,
      folds: typeof members['folds'] === 'number' ? numberIn(members, 'folds', 2) : defaults.folds,
      fold: numberIn(members, 'fold', defaults.fold),
    };
  },
  deriveRows: (params, input, seed) => splitRows(params, input, seed),
  loadBody: async () => (await import('./run.ts')).body,
});
