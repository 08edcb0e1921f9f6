// Floating-point operations and bytes of a training step, counted from the network; a multiplication and an addition are two.

/**
 * A step over dense layers without the update's own operations: the forward pass, the gradients of the weights, and those of the inputs,
 * which the first layer does not need. Bytes that no implementation is spared, with Adam: the forward pass reads every weight, the update
 * reads and writes it with its two moments.
 * @param widths the input's and each layer's units
 */
export function denseStep(widths, batch) {
  const products = widths.slice(1).map((units, i) => widths[i] * units);
  const weights = products.reduce((sum, count) => sum + count, 0);
  return { flops: 2 * batch * (3 * weights - products[0]), bytes: 4 * 7 * weights };
}

/**
 * The same over layers whose forward operations are known, the first `frozen` of them without gradients.
 * @param stored whether the output of the frozen ones is read and not computed
 */
export function stepFlops(layers, { frozen = 0, stored = false } = {}) {
  const sum = (some) => some.reduce((total, { flops }) => total + flops, 0);
  const trained = layers.slice(frozen);
  const first = trained.find(({ flops }) => flops > 0)?.flops ?? 0;
  return (stored ? 0 : sum(layers.slice(0, frozen))) + 3 * sum(trained) - first;
}
