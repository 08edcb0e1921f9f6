import { type Diagnostic, problem, warning } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { Producer } from '../../engines/engine.ts';
import { decodeNpy } from '../../files/npy.ts';
import { labelledChoice, type RowChoice } from '../inputs/chosen-rows.ts';
import { labelledRows } from '../inputs/labelled-rows.ts';
import { openScorer } from '../scorer.ts';
import type { RunContext, StageBody, StageFailure } from '../stage-kind.ts';
import { epochOrder } from '../training/epoch-order.ts';
import { brokenBounds, unknownBounds } from './bounds.ts';
import type { EvaluateParams } from './index.ts';
import { metricNames } from './metric-names.ts';
import { Scores } from './scores.ts';

export const body: StageBody<EvaluateParams> = {
  async run(params, context) {
    const unknown = unknownBounds(params.assert, metricNames(params), context.at);
    if (unknown.length > 0) return failed(...unknown);
    const scored = await (context.anyInput('data').type === 'predictions'
      ? scorePredictions(params, context)
      : scoreModel(params, context));
    if (!scored.ok) return scored;
    const { scores, table, producer } = scored.value;
    if (scores.rows === 0)
      return failed(
        problem('S021', 'no row that was asked for could be read', { help: 'look at the warnings about bad images' }),
      );
    const baseline = scores.baseline(labelledRows(table, 'train'));
    const values = scores.values(baseline);
    if (scores.accuracy < baseline.accuracy)
      context.warn(belowBaseline(scores.accuracy, baseline.accuracy, table.classes[baseline.majority] ?? ''));
    const outcome = {
      artifacts: { metrics: { type: 'metrics', values, details: scores.details(baseline) } as const },
      ...(producer && { producer }),
    };
    const broken = brokenBounds(params.assert, values, context.at);
    return broken.length > 0 ? err({ reason: 'diagnostics', diagnostics: broken, outcome }) : ok(outcome);
  },
};

interface Scored {
  readonly scores: Scores;
  readonly table: RowTable;
  readonly producer?: Producer;
}

async function scoreModel(params: EvaluateParams, context: RunContext): Promise<Result<Scored, StageFailure>> {
  if (!context.has('model')) {
    const { type } = context.anyInput('data');
    return failed(
      problem('S025', `${type} can be evaluated only together with a model`, {
        help: 'from: { model: head, data: features }, or the name of a predict stage alone',
      }),
    );
  }
  const opened = await openScorer(context);
  if (!opened.ok) return opened;
  const scorer = opened.value;
  try {
    const { table, producer } = scorer;
    const rows = labelledChoice(table, choiceOf(params, 'validation'));
    if (!rows.ok) return failed(rows.error);
    const scores = new Scores(params, table);
    // In an order that does not hang on the table's, so that sums have the same bits.
    const done = await scorer.score(epochOrder(table, rows.value, 0, 0), (some, probabilities) =>
      scores.add(some, probabilities),
    );
    return done.ok ? ok({ scores, table, producer }) : done;
  } finally {
    await scorer.close();
  }
}

async function scorePredictions(params: EvaluateParams, context: RunContext): Promise<Result<Scored, StageFailure>> {
  const predictions = context.input('data', 'predictions');
  const table = await context.rowTable(predictions.rows);
  const rows = labelledChoice(table, choiceOf(params, 'all'));
  if (!rows.ok) return failed(rows.error);
  const bytes = await context.blobs.get(predictions.probabilities);
  if (!bytes) return err({ reason: 'damaged-input', port: 'data', detail: 'the probabilities are missing or damaged' });
  const { numbers } = decodeNpy(bytes);
  const width = table.classes.length;
  const scores = new Scores(params, table);
  for (const row of rows.value) scores.add(Uint32Array.of(row), numbers.subarray(row * width, (row + 1) * width));
  return ok({ scores, table });
}

function choiceOf({ on }: EvaluateParams, auto: RowChoice): RowChoice {
  return on === 'auto' ? auto : on;
}

function belowBaseline(accuracy: number, baseline: number, name: string): Diagnostic {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return warning(
    'S022',
    `the model is worse than the baseline: it is right on ${percent(accuracy)} of the rows, always saying ${JSON.stringify(name)} on ${percent(baseline)}`,
    {
      help: 'look at the learning rate, the number of epochs, the preprocessing and the labels',
    },
  );
}

function failed(...diagnostics: readonly Diagnostic[]): Result<never, StageFailure> {
  return err({ reason: 'diagnostics', diagnostics });
}
