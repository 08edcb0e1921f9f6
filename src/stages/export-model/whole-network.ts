/** Pixels, backbone, pooling and head as one network that ends in probabilities. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ForwardProgram } from '../../engines/engine.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { describeNetwork } from '../../networks/layers.ts';
import type { Layer, Network, Shape, Weights, WeightTensor } from '../../networks/network.ts';
import { imageShape } from '../inputs/image-inputs.ts';
import { withSoftmax } from '../scorer.ts';

export interface WeightedNetwork {
  readonly network: Network;
  readonly weights: Weights;
}

/** The backbone with its pooling as a layer. What came as an ONNX file has no layers of ours. */
export function backboneLayers(program: ForwardProgram): Result<WeightedNetwork, Diagnostic> {
  if (program.kind === 'onnx') {
    return err(
      problem('S071', 'the backbone is an ONNX file, whose graph cannot be joined with the head', {
        help: 'export the head alone with `withBackbone: false`, and run it behind that file',
      }),
    );
  }
  const { network, weights, pooling } = program;
  const described = describeNetwork(network);
  if (!described.ok) return described;
  const pool: readonly Layer[] =
    pooling === 'none' || described.value.output.length !== 3
      ? []
      : [{ type: pooling === 'average' ? 'global-average-pool' : 'global-max-pool', name: 'pooling' }];
  return ok({ network: { ...network, layers: [...network.layers, ...pool] }, weights });
}

/** One network after the other; a layer of the second one that has a name of the first gets `head_` before it. */
export function joined(first: WeightedNetwork, second: WeightedNetwork): WeightedNetwork {
  const taken = new Set(first.network.layers.map(({ name }) => name));
  const nameOf = (name: string) => (taken.has(name) ? `head_${name}` : name);
  const moved = [...second.weights].map(([name, weight]): [string, WeightTensor] => {
    const slash = name.lastIndexOf('/');
    return [`${nameOf(name.slice(0, slash))}${name.slice(slash)}`, weight];
  });
  return {
    network: {
      name: first.network.name,
      input: first.network.input,
      layers: [
        ...first.network.layers,
        ...second.network.layers.map((layer) => ({ ...layer, name: nameOf(layer.name) })),
      ],
    },
    weights: new Map([...first.weights, ...moved]),
  };
}

/** The softmax that a model's logits imply. */
export function toProbabilities({ network, weights }: WeightedNetwork): WeightedNetwork {
  return { network: withSoftmax(network), weights };
}

const NORMALIZE = 'normalize';

/**
 * The network with its normalization before it, so that it takes bytes 0–255: a 1×1 convolution whose kernel
 * `[1, 1, channels, channels]` scales, divides and reorders, and whose bias takes the mean away. A padding of the layers behind
 * it still pads what is normalized.
 */
export function fromPixels(pixels: SettledPixels, { network, weights }: WeightedNetwork): WeightedNetwork {
  const { scale, mean, std, reverse } = pixels.normalize;
  const input: Shape = imageShape(pixels);
  const channels = input[2] ?? 0;
  const kernel = new Float32Array(channels * channels);
  const bias = new Float32Array(channels);
  for (let out = 0; out < channels; out++) {
    const source = reverse ? channels - 1 - out : out;
    const deviation = std[source] ?? std[0] ?? 1;
    kernel[source * channels + out] = scale / deviation;
    bias[out] = -(mean[source] ?? mean[0] ?? 0) / deviation;
  }
  const layer: Layer = {
    type: 'conv2d',
    name: NORMALIZE,
    filters: channels,
    size: [1, 1],
    strides: [1, 1],
    padding: 'valid',
    activation: 'linear',
    bias: true,
    init: 'zeros',
  };
  return joined(
    {
      network: { name: network.name, input, layers: [layer] },
      weights: new Map([
        [`${NORMALIZE}/kernel`, { shape: [1, 1, channels, channels], data: kernel }],
        [`${NORMALIZE}/bias`, { shape: [channels], data: bias }],
      ]),
    },
    { network, weights },
  );
}
