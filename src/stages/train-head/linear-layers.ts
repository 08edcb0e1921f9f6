/** Fitted linear scores as the last layers of a network, whose softmax gives the probabilities. */
import type { Sigmoid } from '../../classifiers/sigmoid-calibration.ts';
import type { Layer, Weights } from '../../networks/network.ts';
import type { LinearScores } from './linear-fit.ts';

export interface FittedLayers {
  readonly layers: readonly Layer[];
  readonly weights: Weights;
}

/** The logit of a class that the training rows lack: its probability is 0. */
const ABSENT = -1e6;

const dense = (name: string, units: number, activation: 'linear' | 'softplus' = 'linear'): Layer => ({
  type: 'dense',
  name,
  units,
  activation,
  bias: true,
  init: 'zeros',
});

/**
 * Softmax over the scores; of two classes the one score s stands for −s/2 and s/2, whose softmax is the logistic function of s.
 * @param present the class that each score is of, or for one score the two that it tells apart
 */
export function softmaxLayers(scores: LinearScores, present: readonly number[], classes: number): FittedLayers {
  const { weights, intercepts } = scores;
  const vectors = intercepts.length;
  const width = weights.length / vectors;
  const kernel = new Float32Array(width * classes);
  const bias = new Float32Array(classes).fill(ABSENT);
  present.forEach((c, i) => {
    const [vector, factor] = vectors === 1 ? [0, i === 0 ? -0.5 : 0.5] : [i, 1];
    for (let j = 0; j < width; j++) kernel[j * classes + c] = factor * (weights[vector * width + j] ?? 0);
    bias[c] = factor * (intercepts[vector] ?? 0);
  });
  return {
    layers: [dense('logits', classes)],
    weights: new Map([
      ['logits/kernel', { shape: [width, classes], data: kernel }],
      ['logits/bias', { shape: [classes], data: bias }],
    ]),
  };
}

/**
 * p_c = σ(z_c) / Σ σ(z), z = slope · score + offset of each class. As σ(z) = exp(−softplus(−z)), it is the softmax of
 * −softplus(−z): a dense layer with softplus, and one that changes the sign. For two classes it is σ(z) itself.
 */
export function sigmoidLayers(
  scores: LinearScores,
  sigmoids: readonly Sigmoid[],
  present: readonly number[],
  classes: number,
): FittedLayers {
  const vectors = sigmoids.length;
  const width = scores.weights.length / vectors;
  const slopeOf = (v: number) => sigmoids[v]?.slope ?? 0;
  const weights = scores.weights.map((w, i) => slopeOf(Math.floor(i / width)) * w);
  const intercepts = scores.intercepts.map((b, v) => slopeOf(v) * b + (sigmoids[v]?.offset ?? 0));
  if (vectors === 1) return softmaxLayers({ weights, intercepts }, present, classes);
  const kernel = new Float32Array(width * vectors);
  for (let v = 0; v < vectors; v++)
    for (let j = 0; j < width; j++) kernel[j * vectors + v] = -(weights[v * width + j] ?? 0);
  const signs = new Float64Array(vectors * vectors);
  for (let v = 0; v < vectors; v++) signs[v * vectors + v] = -1;
  const last = softmaxLayers({ weights: signs, intercepts: new Float64Array(vectors) }, present, classes);
  return {
    layers: [dense('sigmoids', vectors, 'softplus'), ...last.layers],
    weights: new Map([
      ['sigmoids/kernel', { shape: [width, vectors], data: kernel }],
      ['sigmoids/bias', { shape: [vectors], data: Float32Array.from(intercepts, (b) => -b) }],
      ...last.weights,
    ]),
  };
}
