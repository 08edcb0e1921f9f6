/** One factor on all scores, so that their softmax means something (Guo et al., "On calibration of modern neural networks", 2017). */

/** Factors that are thought of: eighteen powers of ten around what makes the scores' spread 1. */
const [LEAST, MOST] = [-9, 9];
const ROUNDS = 200;

/**
 * The t > 0 that minimises Σ −log softmax(t · scores)[label]. The loss is convex in t, so that a golden-section search over
 * log t finds its minimum.
 * @param scores `[rows, classes]` of rows that the scoring model has not learnt from
 */
export function fitTemperature(scores: Float64Array, labels: Int32Array, classes: number): number {
  const spread = Math.max(meanSpread(scores, labels.length, classes), 1e-300);
  const lossAt = (power: number) => lossOf(scores, labels, classes, 10 ** power / spread);
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [LEAST, MOST];
  let [left, right] = [high - golden * (high - low), low + golden * (high - low)];
  let [atLeft, atRight] = [lossAt(left), lossAt(right)];
  for (let round = 0; round < ROUNDS && high - low > 1e-9; round++) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - golden * (high - low);
      atLeft = lossAt(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + golden * (high - low);
      atRight = lossAt(right);
    }
  }
  return 10 ** ((low + high) / 2) / spread;
}

function lossOf(scores: Float64Array, labels: Int32Array, classes: number, t: number): number {
  let loss = 0;
  labels.forEach((label, row) => {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    const most = own.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    loss +=
      Math.log(own.reduce((sum, score) => sum + Math.exp(t * (score - most)), 0)) - t * ((own[label] ?? 0) - most);
  });
  return loss;
}

/** Mean distance from a row's least to its greatest score. */
function meanSpread(scores: Float64Array, rows: number, classes: number): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    const finite = own.filter(Number.isFinite);
    sum +=
      finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) -
      finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }
  return sum / Math.max(1, rows);
}
