/** `assert:` bounds, such as `log-loss: "< 0.35"`. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { ResolveContext } from '../stage-kind.ts';

type Comparison = '<' | '<=' | '>' | '>=';

export interface Bound {
  readonly metric: string;
  readonly comparison: Comparison;
  readonly value: number;
}

/** The JSON Schema pattern of a bound's text. */
export const BOUND_PATTERN = '^\\s*(<=|>=|<|>)\\s*[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?\\s*$';

const comparisons: readonly Comparison[] = ['<=', '>=', '<', '>'];

/** Reads a bound that the schema has accepted. */
export function parseBound(metric: string, text: string): Bound {
  const comparison = comparisons.find((candidate) => text.trim().startsWith(candidate));
  const value = comparison === undefined ? Number.NaN : Number(text.trim().slice(comparison.length));
  if (comparison === undefined || Number.isNaN(value)) throw new TypeError(`the schema let through the bound ${text}`);
  return { metric, comparison, value };
}

function holds({ comparison, value }: Bound, actual: number): boolean {
  switch (comparison) {
    case '<':
      return actual < value;
    case '<=':
      return actual <= value;
    case '>':
      return actual > value;
    case '>=':
      return actual >= value;
  }
}

/** Bounds on metrics that the stage does not give. */
export function unknownBounds(
  bounds: readonly Bound[],
  names: readonly string[],
  at: ResolveContext['at'],
): readonly Diagnostic[] {
  return bounds
    .filter(({ metric }) => !names.includes(metric))
    .map(({ metric }) =>
      problem('S024', `assert: this stage gives no metric ${JSON.stringify(metric)}`, {
        location: at(`assert/${metric}`),
        help: `it gives ${names.join(', ')}; more with \`metrics:\``,
      }),
    );
}

/** One diagnostic a bound that does not hold. */
export function brokenBounds(
  bounds: readonly Bound[],
  values: Readonly<Record<string, number>>,
  at: ResolveContext['at'],
): readonly Diagnostic[] {
  return bounds
    .filter((bound) => !holds(bound, values[bound.metric] ?? Number.NaN))
    .map(({ metric, comparison, value }) =>
      problem('S020', `${metric} is ${values[metric]?.toPrecision(6)}, not ${comparison} ${value}`, {
        location: at(`assert/${metric}`),
        help: 'the metrics are kept; improve the model or loosen the bound',
      }),
    );
}
