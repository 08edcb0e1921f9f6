/** What a linear model minimises: half the squared weights, and the loss of every row. */
import { ok, type Result } from '../base/result.ts';
import type { Design, DesignChunk } from './design.ts';
import { addWeightedRows, dot, rowProducts } from './products.ts';
import type { RowLoss } from './row-loss.ts';
import type { SmoothObjective, ValueAndGradient } from './trust-region-newton.ts';

/**
 * f(W) = ½‖W‖² + Σ_i loss(W·[x_i, 1]). Weights are `[vectors, width + 1]`, the last number of a vector its intercept, which
 * is part of ‖W‖² where it is penalized (as LIBLINEAR treats it) and free otherwise.
 */
export class LinearObjective<E> implements SmoothObjective<E> {
  readonly size: number;
  readonly #design: Design<E>;
  readonly #loss: RowLoss;
  readonly #penalizeIntercept: boolean;
  #scores = new Float64Array(0);

  constructor(design: Design<E>, loss: RowLoss, options: { readonly penalizeIntercept: boolean }) {
    this.size = loss.vectors * (design.width + 1);
    this.#design = design;
    this.#loss = loss;
    this.#penalizeIntercept = options.penalizeIntercept;
  }

  async evaluate(weights: Float64Array): Promise<Result<ValueAndGradient, E>> {
    const gradient = this.#penalized(weights);
    let value = dot(gradient, gradient) / 2;
    const passed = await this.#pass(weights, gradient, (first, count, scores) => {
      value += this.#loss.evaluate(first, count, scores);
    });
    return passed.ok ? ok({ value, gradient }) : passed;
  }

  accept(): void {
    this.#loss.accept();
  }

  async curvature(direction: Float64Array): Promise<Result<Float64Array, E>> {
    const product = this.#penalized(direction);
    const passed = await this.#pass(direction, product, (first, count, scores) =>
      this.#loss.bend(first, count, scores),
    );
    return passed.ok ? ok(product) : passed;
  }

  /** The scores of all rows, `[rows, vectors]`. */
  async scores(weights: Float64Array): Promise<Result<Float64Array, E>> {
    const all = new Float64Array(this.#design.rows * this.#loss.vectors);
    const passed = await this.#design.each((chunk) => {
      all.set(this.#scoresOf(chunk, weights), chunk.first * this.#loss.vectors);
    });
    return passed.ok ? ok(all) : passed;
  }

  /** One pass over the rows: their scores, what `turn` makes of them, and `sums` plus that times the rows. */
  #pass(
    weights: Float64Array,
    sums: Float64Array,
    turn: (first: number, count: number, scores: Float64Array) => void,
  ): Promise<Result<void, E>> {
    const { vectors } = this.#loss;
    const stride = this.#design.width + 1;
    return this.#design.each((chunk) => {
      const scores = this.#scoresOf(chunk, weights);
      turn(chunk.first, chunk.count, scores);
      addWeightedRows(chunk, scores, vectors, sums, stride);
      for (let v = 0; v < vectors; v++) {
        let total = 0;
        for (let row = 0; row < chunk.count; row++) total += scores[row * vectors + v] ?? 0;
        sums[v * stride + stride - 1] = (sums[v * stride + stride - 1] ?? 0) + total;
      }
    });
  }

  #scoresOf(chunk: DesignChunk, weights: Float64Array): Float64Array {
    const { vectors } = this.#loss;
    const stride = this.#design.width + 1;
    if (this.#scores.length < chunk.count * vectors) this.#scores = new Float64Array(chunk.count * vectors);
    const scores = this.#scores.subarray(0, chunk.count * vectors);
    rowProducts(chunk, weights, stride, vectors, scores);
    for (let i = 0; i < scores.length; i++)
      scores[i] = (scores[i] ?? 0) + (weights[(i % vectors) * stride + stride - 1] ?? 0);
    return scores;
  }

  #penalized(weights: Float64Array): Float64Array {
    const copy = weights.slice();
    const stride = this.#design.width + 1;
    if (!this.#penalizeIntercept) for (let at = stride - 1; at < copy.length; at += stride) copy[at] = 0;
    return copy;
  }
}
