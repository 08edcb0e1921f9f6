/**
 * Probabilities from scores: Platt, "Probabilistic outputs for support vector machines" (1999), fitted as Lin, Lin and Weng
 * note (Machine Learning 68, 2007), which is what scikit-learn's `CalibratedClassifierCV(method='sigmoid')` minimises.
 */

/** P(class) = 1 / (1 + exp(−(slope · score + offset))). */
export interface Sigmoid {
  readonly slope: number;
  readonly offset: number;
}

const MAX_STEPS = 200;

/**
 * Fits a sigmoid to the scores of rows that the scoring model has not learnt from.
 * @param positive whether each row is of the class
 */
export function fitSigmoid(scores: Float64Array, positive: readonly boolean[]): Sigmoid {
  const up = positive.filter(Boolean).length;
  const down = scores.length - up;
  // Platt's targets: a row more on each side keeps separable scores from an endless slope.
  const [high, low] = [(up + 1) / (up + 2), 1 / (down + 2)];
  const target = (i: number) => (positive[i] ? high : low);
  // Scores are brought to a spread of 1 first, so that both coordinates are of one size.
  const scale = Math.max(Math.sqrt(scores.reduce((sum, s) => sum + s * s, 0) / Math.max(1, scores.length)), 1e-300);
  const lossAt = (a: number, b: number) =>
    scores.reduce((sum, score, i) => {
      const z = (a * score) / scale + b;
      return sum + Math.log1p(Math.exp(-Math.abs(z))) + Math.max(z, 0) - target(i) * z;
    }, 0);
  let [a, b] = [0, Math.log((up + 1) / (down + 1))];
  let loss = lossAt(a, b);
  for (let step = 0; step < MAX_STEPS; step++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-12, 0, 1e-12];
    scores.forEach((score, i) => {
      const x = score / scale;
      const p = 1 / (1 + Math.exp(-(a * x + b)));
      const [slope, bend] = [p - target(i), p * (1 - p)];
      ga += slope * x;
      gb += slope;
      haa += bend * x * x;
      hab += bend * x;
      hbb += bend;
    });
    const determinant = haa * hbb - hab * hab;
    const [da, db] = [-(hbb * ga - hab * gb) / determinant, -(haa * gb - hab * ga) / determinant];
    const descent = ga * da + gb * db;
    if (!(descent < -1e-15 * loss)) break;
    let t = 1;
    while (t > 1e-10 && lossAt(a + t * da, b + t * db) > loss + 1e-4 * t * descent) t /= 2;
    [a, b] = [a + t * da, b + t * db];
    loss = lossAt(a, b);
  }
  return { slope: a / scale, offset: b };
}
