/** Losses of linear models, row by row: what a row's scores cost, their slopes, and how the slopes bend. */

/** A loss of the scores `[rows, vectors]`. It remembers what the curvature at the last evaluated point needs. */
export interface RowLoss {
  /** Scores a row. */
  readonly vectors: number;
  /** The loss of some rows; their scores are overwritten by the slopes ∂loss/∂score. */
  evaluate(first: number, count: number, scores: Float64Array): number;
  /** Makes the point that was evaluated last the one that `bend` is about. */
  accept(): void;
  /** Overwrites directions of the scores by the Hessian times them. */
  bend(first: number, count: number, directions: Float64Array): void;
}

/** What every loss is made of. */
export interface LossRows {
  /** Class index a row. */
  readonly labels: Int32Array;
  /** Factor on each row's loss: C, times the weight of its class; 0 leaves a row out. */
  readonly costs: Float64Array;
}

/** Two arrays of numbers a row: of the accepted point, and of the one that is tried. */
class RowState {
  current: Float64Array;
  tried: Float64Array;

  constructor(length: number) {
    this.current = new Float64Array(length);
    this.tried = new Float64Array(length);
  }

  swap(): void {
    [this.current, this.tried] = [this.tried, this.current];
  }
}

/** −log softmax(scores)[label], one score a class. */
export class SoftmaxLoss implements RowLoss {
  readonly vectors: number;
  readonly #rows: LossRows;
  readonly #probabilities: RowState;

  constructor(rows: LossRows, classes: number) {
    this.vectors = classes;
    this.#rows = rows;
    this.#probabilities = new RowState(rows.labels.length * classes);
  }

  evaluate(first: number, count: number, scores: Float64Array): number {
    const { vectors } = this;
    const { labels, costs } = this.#rows;
    const kept = this.#probabilities.tried;
    let loss = 0;
    for (let row = 0; row < count; row++) {
      const at = row * vectors;
      const cost = costs[first + row] ?? 0;
      const label = labels[first + row] ?? 0;
      let most = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < vectors; c++) most = Math.max(most, scores[at + c] ?? 0);
      const own = (scores[at + label] ?? 0) - most;
      let total = 0;
      for (let c = 0; c < vectors; c++) {
        const power = Math.exp((scores[at + c] ?? 0) - most);
        scores[at + c] = power;
        total += power;
      }
      loss += cost * (Math.log(total) - own);
      for (let c = 0; c < vectors; c++) {
        const p = (scores[at + c] ?? 0) / total;
        kept[(first + row) * vectors + c] = p;
        scores[at + c] = cost * (c === label ? p - 1 : p);
      }
    }
    return loss;
  }

  accept(): void {
    this.#probabilities.swap();
  }

  bend(first: number, count: number, directions: Float64Array): void {
    const { vectors } = this;
    const { costs } = this.#rows;
    const p = this.#probabilities.current;
    for (let row = 0; row < count; row++) {
      const at = row * vectors;
      const kept = (first + row) * vectors;
      const cost = costs[first + row] ?? 0;
      let mean = 0;
      for (let c = 0; c < vectors; c++) mean += (p[kept + c] ?? 0) * (directions[at + c] ?? 0);
      for (let c = 0; c < vectors; c++)
        directions[at + c] = cost * (p[kept + c] ?? 0) * ((directions[at + c] ?? 0) - mean);
    }
  }
}

/** log(1 + exp(∓score)) for two classes, one score: that of class 1. */
export class BinaryLogisticLoss implements RowLoss {
  readonly vectors = 1;
  readonly #rows: LossRows;
  readonly #probabilities: RowState;

  constructor(rows: LossRows) {
    this.#rows = rows;
    this.#probabilities = new RowState(rows.labels.length);
  }

  evaluate(first: number, count: number, scores: Float64Array): number {
    const { labels, costs } = this.#rows;
    let loss = 0;
    for (let row = 0; row < count; row++) {
      const score = scores[row] ?? 0;
      const cost = costs[first + row] ?? 0;
      const target = labels[first + row] === 1 ? 1 : 0;
      const small = Math.exp(-Math.abs(score));
      const p = score >= 0 ? 1 / (1 + small) : small / (1 + small);
      loss += cost * (Math.log1p(small) + Math.max(score, 0) - target * score);
      this.#probabilities.tried[first + row] = p;
      scores[row] = cost * (p - target);
    }
    return loss;
  }

  accept(): void {
    this.#probabilities.swap();
  }

  bend(first: number, count: number, directions: Float64Array): void {
    for (let row = 0; row < count; row++) {
      const p = this.#probabilities.current[first + row] ?? 0;
      directions[row] = (this.#rows.costs[first + row] ?? 0) * p * (1 - p) * (directions[row] ?? 0);
    }
  }
}

/**
 * max(0, 1 − y·score)², one score a class against all others; of two classes only class 1 has one. y is 1 where the row is
 * of the class, else −1.
 */
export class SquaredHingeLoss implements RowLoss {
  readonly vectors: number;
  readonly #rows: LossRows;
  /** 1 where the hinge reaches the row. */
  readonly #reached: RowState;
  readonly #firstClass: number;

  constructor(rows: LossRows, classes: number) {
    this.vectors = classes === 2 ? 1 : classes;
    this.#firstClass = classes === 2 ? 1 : 0;
    this.#rows = rows;
    this.#reached = new RowState(rows.labels.length * this.vectors);
  }

  evaluate(first: number, count: number, scores: Float64Array): number {
    const { vectors } = this;
    const { labels, costs } = this.#rows;
    let loss = 0;
    for (let row = 0; row < count; row++) {
      const cost = costs[first + row] ?? 0;
      for (let v = 0; v < vectors; v++) {
        const y = labels[first + row] === v + this.#firstClass ? 1 : -1;
        const slack = Math.max(0, 1 - y * (scores[row * vectors + v] ?? 0));
        loss += cost * slack * slack;
        this.#reached.tried[(first + row) * vectors + v] = slack > 0 ? 1 : 0;
        scores[row * vectors + v] = -2 * cost * y * slack;
      }
    }
    return loss;
  }

  accept(): void {
    this.#reached.swap();
  }

  bend(first: number, count: number, directions: Float64Array): void {
    const { vectors } = this;
    for (let row = 0; row < count; row++) {
      const cost = 2 * (this.#rows.costs[first + row] ?? 0);
      for (let v = 0; v < vectors; v++)
        directions[row * vectors + v] =
          cost * (this.#reached.current[(first + row) * vectors + v] ?? 0) * (directions[row * vectors + v] ?? 0);
    }
  }
}
