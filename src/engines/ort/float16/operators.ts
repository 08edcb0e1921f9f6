/** What becomes of each operator in a float16 graph. One that is not named here stays in float32. */

/**
 * Sums of products and what follows them, value by value: the work, or cheaper in float16 than a conversion. Their inputs are all floats.
 */
const COMPUTES = new Set(
  (
    'Conv ConvTranspose Gemm MatMul Add Sub Mul Sum Relu LeakyRelu PRelu Clip Sigmoid HardSigmoid HardSwish Tanh MaxPool ' +
    'GlobalMaxPool Concat'
  ).split(' '),
);

/** Copy numbers of their first input; further inputs are integers, but for those in `VALUES`. */
const CARRIES = new Set(
  'Dropout Expand Flatten Gather Identity Pad Reshape Slice Split Squeeze Transpose Unsqueeze'.split(' '),
);

/** Further inputs of a carrier that are numbers of the kind that it carries, by place. */
const VALUES: Readonly<Record<string, readonly number[]>> = { Pad: [2] };

/**
 * Stay in float32 and cost little beside convolutions: sums over many values, which lose what is small beside them, exponentials and
 * quotients, which leave the range of float16, and norms, whose variances do.
 */
const FLOAT32 = new Set(
  (
    'AveragePool GlobalAveragePool ReduceMean ReduceSum ReduceMax ReduceMin ReduceL2 Softmax LogSoftmax BatchNormalization ' +
    'InstanceNormalization LayerNormalization LRN Exp Log Pow Sqrt Reciprocal Div Erf Neg Abs Max Min Elu Selu Softplus Softsign Gelu'
  ).split(' '),
);

/** Give integers or truths, or a kind of number that they name themselves: nothing to convert, and no cost. */
const OTHER = new Set('ArgMax ArgMin Cast Constant ConstantOfShape Equal Greater Less Not Shape Size'.split(' '));

export type Role = 'computes' | 'carries' | 'float32' | 'other' | 'unknown';

export function roleOf(op: string): Role {
  if (COMPUTES.has(op)) return 'computes';
  if (CARRIES.has(op)) return 'carries';
  if (FLOAT32.has(op)) return 'float32';
  return OTHER.has(op) ? 'other' : 'unknown';
}

/** Places of the inputs that hold floats where the operator computes or carries floats. */
export function floatInputs(op: string, count: number): readonly number[] {
  if (COMPUTES.has(op)) return Array.from({ length: count }, (_, at) => at);
  return [0, ...(VALUES[op] ?? [])].filter((at) => at < count);
}
