/** How well frozen features fit a data set's labels, on a sample. */
import { DrawStream } from '../base/philox.ts';
import { logEvidence, prepareEvidence } from './log-evidence.ts';

export interface Sample {
  /** `[rows, width]` */
  readonly features: Float32Array;
  readonly width: number;
  readonly labels: Int32Array;
  readonly classes: number;
}

export interface Assessment {
  /** LogME of the labels, and of the same labels permuted. */
  readonly logEvidence: number;
  readonly permuted: number;
  /** What the labels gain over permuted ones, a row, in nats: 0 where the features know nothing of the classes. */
  readonly gain: number;
  /**
   * Cohen's kappa of leave-one-out classification by the nearest class mean: 0 is chance, 1 is always right. Easily separated classes
   * are what the network has learnt to tell apart, so this stands for the similarity of the two worlds.
   */
  readonly similarity: number;
}

const PERMUTATIONS = 5;

export function assess({ features, width, labels, classes }: Sample, seed: number): Assessment {
  const rows = labels.length;
  const evidence = prepareEvidence(features, rows, width);
  const found = logEvidence(evidence, labels, classes);
  let permuted = 0;
  for (let i = 0; i < PERMUTATIONS; i++)
    permuted += logEvidence(evidence, shuffled(labels, seed, i), classes) / PERMUTATIONS;
  const similarity = nearestMeanKappa({ features, width, labels, classes });
  return { logEvidence: found, permuted, gain: found - permuted, similarity };
}

/** Fisher–Yates. */
function shuffled(labels: Int32Array, seed: number, round: number): Int32Array {
  const draws = new DrawStream(seed, `permuted labels ${round}`);
  const made = labels.slice();
  for (let i = made.length - 1; i > 0; i--) {
    const j = Math.floor(draws.uniform() * (i + 1));
    [made[i], made[j]] = [made[j] ?? 0, made[i] ?? 0];
  }
  return made;
}

/** Features are scaled to unit variance a column; a row is left out of the mean of its own class. */
function nearestMeanKappa({ features, width, labels, classes }: Sample): number {
  const rows = labels.length;
  const scale = inverseDeviations(features, rows, width);
  const sums = new Float64Array(classes * width);
  const counts = new Float64Array(classes);
  labels.forEach((label, row) => {
    counts[label] = (counts[label] ?? 0) + 1;
    for (let j = 0; j < width; j++)
      sums[label * width + j] = (sums[label * width + j] ?? 0) + (features[row * width + j] ?? 0) * (scale[j] ?? 0);
  });
  const guessed = new Float64Array(classes);
  let right = 0;
  labels.forEach((label, row) => {
    let nearest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let c = 0; c < classes; c++) {
      const own = c === label ? 1 : 0;
      const count = (counts[c] ?? 0) - own;
      if (count < 1) continue;
      let distance = 0;
      for (let j = 0; j < width; j++) {
        const x = (features[row * width + j] ?? 0) * (scale[j] ?? 0);
        distance += (x - ((sums[c * width + j] ?? 0) - own * x) / count) ** 2;
      }
      if (distance < least) [least, nearest] = [distance, c];
    }
    guessed[nearest] = (guessed[nearest] ?? 0) + 1;
    if (nearest === label) right++;
  });
  const chance = guessed.reduce((sum, guesses, c) => sum + (guesses * (counts[c] ?? 0)) / rows ** 2, 0);
  return chance === 1 ? 0 : (right / rows - chance) / (1 - chance);
}

function inverseDeviations(features: Float32Array, rows: number, width: number): Float64Array {
  return Float64Array.from({ length: width }, (_, j) => {
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < rows; row++) {
      const x = features[row * width + j] ?? 0;
      sum += x;
      squares += x * x;
    }
    const variance = squares / rows - (sum / rows) ** 2;
    return variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
  });
}
