/** Logistic regression and the linear support vector machine, each solved in the smaller of its two spaces. */
import { problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { MemoryDesign } from '../../classifiers/design.ts';
import { type SharedFactor, solveDualSvm } from '../../classifiers/dual-svm.ts';
import { factorize, MATRIX_ROWS, mirror, sharesOfRows } from '../../classifiers/gram.ts';
import { LinearObjective } from '../../classifiers/linear-objective.ts';
import { dot } from '../../classifiers/products.ts';
import { BinaryLogisticLoss, SoftmaxLoss, SquaredHingeLoss } from '../../classifiers/row-loss.ts';
import { type Minimum, minimize } from '../../classifiers/trust-region-newton.ts';
import { sizeOf } from '../../networks/network.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { type ClassRows, FOLDS } from './class-rows.ts';
import type { Classifier } from './classifier-settings.ts';
import { weightedRows } from './principal-components.ts';
import { designOf, meanOf, turnOf } from './row-chunks.ts';
import { gramOf, gramRounding } from './row-gram.ts';

type LinearClassifier = Extract<Classifier, { type: 'linear-svm' | 'logistic-regression' }>;

export interface LinearProblem {
  readonly settings: LinearClassifier;
  readonly source: InputSource;
  readonly rows: ClassRows;
  /** C a row, times the weight of its class. */
  readonly costs: Float64Array;
}

/** Scores `weights · x + intercepts`: one a class, or for two classes one, that of the second. */
export interface LinearScores {
  /** `[vectors × width]` */
  readonly weights: Float64Array;
  readonly intercepts: Float64Array;
}

export interface CrossValidated extends LinearScores {
  /** Scores of each row by a model that has not learnt from it, `[rows × vectors]`. */
  readonly heldOut: Float64Array;
}

/** Minimises ½‖W‖² + Σ costs · −log p. The intercepts are free; of two classes only one has weights, as in scikit-learn. */
export async function fitLogistic(
  { settings, source, rows: { order, labels, present }, costs }: LinearProblem,
  context: RunContext,
): Promise<Result<LinearScores, StageFailure>> {
  const mean = await meanOf({ source, order }, context);
  if (!mean.ok) return mean;
  // Free intercepts make any shift of the features good; the mean is what makes the problem round.
  const rows = { source, order, offset: mean.value };
  const width = sizeOf(source.shape);
  const n = order.length;
  const loss =
    present.length === 2
      ? new BinaryLogisticLoss({ labels, costs })
      : new SoftmaxLoss({ labels, costs }, present.length);
  const { vectors } = loss;
  const bySpan = n < width && n <= MATRIX_ROWS;
  const gram = bySpan ? await gramOf(rows, context) : ok(new Float64Array(0));
  if (!gram.ok) return gram;
  if (bySpan) factorize(gram.value, n, gramRounding(n, width));
  const design = bySpan
    ? ok(new MemoryDesign<StageFailure>(gram.value, n, { triangular: true, pause: () => turnOf(context) }))
    : await designOf(rows, context);
  if (!design.ok) return design;
  const objective = new LinearObjective(design.value, loss, { penalizeIntercept: false });
  const start = new Float64Array(objective.size);
  const { tolerance, maxSteps } = settings;
  const minimum = await minimize(objective, { start, tolerance, maxSteps });
  if (!minimum.ok) return minimum;
  if (!minimum.value.converged) return notConverged(settings, minimum.value, context);
  const stride = design.value.width + 1;
  const { point } = minimum.value;
  const weights = bySpan
    ? await weightedRows(rows, sharesOfRows(gram.value, n, point, stride, vectors), vectors, width, context)
    : ok(withoutIntercepts(point, stride, vectors));
  if (!weights.ok) return weights;
  const intercepts = Float64Array.from({ length: vectors }, (_, v) => {
    const shift = dot(weights.value.subarray(v * width, (v + 1) * width), mean.value);
    return (point[v * stride + stride - 1] ?? 0) - shift;
  });
  return ok({ weights: weights.value, intercepts });
}

/** Rows up to this number are solved by their products even where features are fewer: that finds the minimum exactly. */
const FEW_ROWS = 1024;

/**
 * Minimises ½‖w‖² + ½b² + Σ costs · max(0, 1 − y·score)² for each class against the rest: LIBLINEAR's L2-regularized L2-loss
 * machine with its intercept, a feature of constant 1. Then again for each part left out.
 */
export function fitSvm(problem: LinearProblem, context: RunContext): Promise<Result<CrossValidated, StageFailure>> {
  const n = problem.rows.order.length;
  const bySpan = n <= MATRIX_ROWS && n <= Math.max(FEW_ROWS, sizeOf(problem.source.shape));
  return bySpan ? fitSvmInSpan(problem, context) : fitSvmOfFeatures(problem, context);
}

async function fitSvmInSpan(
  { settings, source, rows, costs }: LinearProblem,
  context: RunContext,
): Promise<Result<CrossValidated, StageFailure>> {
  const { order, labels, folds } = rows;
  const n = order.length;
  const width = sizeOf(source.shape);
  const products = await gramOf({ source, order }, context);
  if (!products.ok) return products;
  const gram = products.value;
  mirror(gram, n);
  for (let i = 0; i < gram.length; i++) gram[i] = (gram[i] ?? 0) + 1;
  const positives = positiveClasses(rows);
  const vectors = positives.length;
  const shares = new Float64Array(vectors * n);
  const heldOut = new Float64Array(n * vectors);
  for (let fold = -1; fold < FOLDS; fold++) {
    const own = fold < 0 ? costs : costs.map((cost, i) => (folds[i] === fold ? 0 : cost));
    const shared: { first?: SharedFactor } = {};
    for (const [v, positive] of positives.entries()) {
      context.progress((fold + 1) * vectors + v, (FOLDS + 1) * vectors, 'classes × parts');
      const turn = await turnOf(context);
      if (!turn.ok) return turn;
      const signs = Float64Array.from(labels, (label) => (label === positive ? 1 : -1));
      const solved = solveDualSvm({ gram, signs, costs: own }, shared, settings.maxSteps);
      if (!solved.converged) return notConverged(settings, { steps: settings.maxSteps }, context);
      if (fold < 0) shares.set(solved.shares, v * n);
      else
        folds.forEach((part, i) => {
          if (part === fold) heldOut[i * vectors + v] = solved.scores[i] ?? 0;
        });
    }
  }
  const weights = await weightedRows({ source, order }, shares, vectors, width, context);
  if (!weights.ok) return weights;
  const intercepts = Float64Array.from(positives, (_, v) =>
    shares.subarray(v * n, (v + 1) * n).reduce((sum, share) => sum + share, 0),
  );
  return ok({ weights: weights.value, intercepts, heldOut });
}

async function fitSvmOfFeatures(
  { settings, source, rows, costs }: LinearProblem,
  context: RunContext,
): Promise<Result<CrossValidated, StageFailure>> {
  const { order, labels, folds, present } = rows;
  const design = await designOf({ source, order }, context);
  if (!design.ok) return design;
  const vectors = positiveClasses(rows).length;
  const stride = design.value.width + 1;
  const { tolerance, maxSteps } = settings;
  const heldOut = new Float64Array(order.length * vectors);
  let whole: Float64Array | undefined;
  let scale: number | undefined;
  for (let fold = -1; fold < FOLDS; fold++) {
    context.progress(fold + 1, FOLDS + 1, 'parts');
    const own = fold < 0 ? costs : costs.map((cost, i) => (folds[i] === fold ? 0 : cost));
    const loss = new SquaredHingeLoss({ labels, costs: own }, present.length);
    const objective = new LinearObjective(design.value, loss, { penalizeIntercept: true });
    const nothing = new Float64Array(objective.size);
    if (scale === undefined) {
      const first = await objective.evaluate(nothing);
      if (!first.ok) return first;
      scale = Math.sqrt(dot(first.value.gradient, first.value.gradient));
    }
    const minimum = await minimize(objective, { start: whole ?? nothing, tolerance, scale, maxSteps });
    if (!minimum.ok) return minimum;
    if (!minimum.value.converged) return notConverged(settings, minimum.value, context);
    if (!whole) whole = minimum.value.point;
    else {
      const scores = await objective.scores(minimum.value.point);
      if (!scores.ok) return scores;
      scores.value.forEach((score, i) => {
        if (folds[Math.floor(i / vectors)] === fold) heldOut[i] = score;
      });
    }
  }
  const point = whole ?? new Float64Array(0);
  return ok({
    weights: withoutIntercepts(point, stride, vectors),
    intercepts: Float64Array.from({ length: vectors }, (_, v) => point[v * stride + stride - 1] ?? 0),
    heldOut,
  });
}

/** The classes that have a score of their own, by index: all, or of two the second. */
export function positiveClasses({ present }: Pick<ClassRows, 'present'>): readonly number[] {
  return present.length === 2 ? [1] : present.map((_, c) => c);
}

function withoutIntercepts(point: Float64Array, stride: number, vectors: number): Float64Array {
  const weights = new Float64Array(vectors * (stride - 1));
  for (let v = 0; v < vectors; v++) weights.set(point.subarray(v * stride, v * stride + stride - 1), v * (stride - 1));
  return weights;
}

function notConverged(
  { type }: LinearClassifier,
  { steps }: Pick<Minimum, 'steps'>,
  context: RunContext,
): { readonly ok: false; readonly error: StageFailure } {
  const message = `${type} has not converged after ${steps} Newton steps`;
  const help = 'bring the features to one scale with `standardize: true`, take a smaller `C`, or allow more `maxSteps`';
  return err({
    reason: 'diagnostics',
    diagnostics: [problem('S061', message, { location: context.at('classifier'), help })],
  });
}
