/** The training loss, written once with TensorFlow.js. */
import * as tf from '@tensorflow/tfjs-core';
import type { Network, Regularization } from './network.ts';

/**
 * Softmax cross-entropy from logits, Σ wᵢ·(−log softmax(zᵢ)[yᵢ]) / rows: Keras' CategoricalCrossentropy(from_logits) with sample
 * weights and its `sum_over_batch_size` reduction.
 * @param logits [rows, classes]
 * @param oneHot [rows, classes]
 * @param sampleWeights [rows]
 */
export function crossEntropy(logits: tf.Tensor, oneHot: tf.Tensor, sampleWeights: tf.Tensor): tf.Tensor {
  const rows = logits.shape[0] ?? 1;
  const losses = tf.neg(tf.sum(tf.mul(tf.logSoftmax(tf.reshape(logits, [rows, -1])), oneHot), -1));
  return tf.div(tf.sum(tf.mul(losses, sampleWeights)), rows);
}

/** Σ l1·|w| + l2·w² over the kernels that ask for it, as Keras' L1L2; undefined where none does. */
export function penalty(network: Network, weight: (name: string) => tf.Tensor): tf.Tensor | undefined {
  const terms = network.layers.flatMap((layer) => {
    const asked = 'regularization' in layer ? layer.regularization : undefined;
    return asked ? kernelsOf(layer.type).map((slot) => term(weight(`${layer.name}/${slot}`), asked)) : [];
  });
  const [first, ...rest] = terms;
  return first && rest.reduce((sum, next) => tf.add(sum, next), first);
}

function kernelsOf(type: string): readonly string[] {
  if (type === 'separable-conv2d') return ['depthwise', 'pointwise'];
  return type === 'depthwise-conv2d' ? ['depthwise'] : ['kernel'];
}

function term(kernel: tf.Tensor, { l1, l2 }: Regularization): tf.Tensor {
  const absolute = l1 === 0 ? undefined : tf.mul(tf.sum(tf.abs(kernel)), l1);
  const squared = l2 === 0 ? undefined : tf.mul(tf.sum(tf.square(kernel)), l2);
  if (absolute && squared) return tf.add(absolute, squared);
  return absolute ?? squared ?? tf.scalar(0);
}
