/** Where a pretrained network is cut in two: frozen layers below, trained ones above. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { cutNetwork } from '../../networks/cut.ts';
import { describeNetwork } from '../../networks/layers.ts';
import type { Layer, Network, Shape } from '../../networks/network.ts';
import type { FineTuneParams, Freeze } from './index.ts';

export interface CutNetwork {
  /** Undefined where every layer is trained. */
  readonly frozen: { readonly network: Network; readonly last: string; readonly flops: number } | undefined;
  /** The input of the first trained layer. */
  readonly input: Shape;
  readonly trained: readonly Layer[];
}

/** Cuts `network` behind the last layer that `freeze` names and behind those after it that have nothing to train. */
export function freezeNetwork(
  network: Network,
  { freeze, batchNorm }: Pick<FineTuneParams, 'freeze' | 'batchNorm'>,
): Result<CutNetwork, Diagnostic> {
  const asked = frozenCount(network, freeze);
  if (!asked.ok) return asked;
  const count = asked.value === 0 ? 0 : overUntrainable(network.layers, asked.value, batchNorm);
  if (count === 0) return ok({ frozen: undefined, input: network.input, trained: network.layers });
  const last = network.layers[count - 1]?.name ?? '';
  const cut = cutNetwork(network, last);
  if (!cut.ok) return cut;
  const described = describeNetwork(cut.value);
  if (!described.ok) return described;
  const { output, flops } = described.value;
  return ok({
    frozen: { network: cut.value, last, flops },
    input: output,
    trained: network.layers.slice(count),
  });
}

function frozenCount(network: Network, freeze: Freeze): Result<number, Diagnostic> {
  const { layers } = network;
  if (freeze === 'none') return ok(0);
  if ('until' in freeze) {
    const cut = cutNetwork(network, freeze.until);
    return cut.ok ? ok(cut.value.layers.length) : cut;
  }
  if ('layers' in freeze) {
    if (freeze.layers <= layers.length + 1) return ok(freeze.layers - 1);
    return err(
      problem('S050', `freeze asks for ${freeze.layers} layers, but ${network.name} has ${layers.length + 1} here`, {
        help: 'the input counts as the first, as in Keras; `pipe backbone show` lists the layers',
      }),
    );
  }
  const blocks = layers.map(({ name }) => blockOf(name));
  const highest = Math.max(...blocks.map((block) => block ?? 0));
  if (freeze.blocks <= highest) return ok(blocks.findLastIndex((b) => b !== undefined && b <= freeze.blocks) + 1);
  const has = highest === 0 ? 'no numbered blocks' : `${highest} blocks`;
  return err(
    problem('S050', `freeze asks for ${freeze.blocks} blocks, but ${network.name} has ${has} here`, {
      help: 'name the last frozen layer instead: freeze: { until: NAME }; `pipe backbone show` lists them',
    }),
  );
}

/** The number of a layer's block in Keras' names: 3 of `block3_conv1`, 12 of `conv_dw_12_bn`. */
function blockOf(name: string): number | undefined {
  const found = /^(?:block|conv_(?:pad|dw|pw)_)(\d+)/.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
}

const UNTRAINABLE: readonly Layer['type'][] = [
  'max-pool',
  'average-pool',
  'global-average-pool',
  'global-max-pool',
  'flatten',
  'zero-pad',
  'reshape',
  'activation',
];

/** Pools and activations behind a frozen layer give the same in every epoch too, and mostly take less room. */
function overUntrainable(layers: readonly Layer[], count: number, batchNorm: FineTuneParams['batchNorm']): number {
  const next = layers[count];
  const stays = next && (UNTRAINABLE.includes(next.type) || (next.type === 'batch-norm' && batchNorm === 'frozen'));
  return stays ? overUntrainable(layers, count + 1, batchNorm) : count;
}

/** The factor on the rate of every pretrained layer that has one: its own, else its block's, else the backbone's. */
export function rateFactors(
  layers: readonly Layer[],
  rates: Readonly<Record<string, number>>,
): Result<Readonly<Record<string, number>>, Diagnostic> {
  const prefixes = (name: string) => [name, name.split('_')[0] ?? name, 'backbone'];
  const known = new Set(layers.flatMap(({ name }) => prefixes(name)));
  const unknown = Object.keys(rates).find((key) => !known.has(key));
  if (unknown !== undefined) {
    const help = didYouMean(unknown, [...known]) ?? `trained are ${[...known].slice(0, 20).join(', ')}`;
    return err(
      problem('S051', `rates names "${unknown}", which is no trained layer or block of the network`, { help }),
    );
  }
  const factors = layers.flatMap(({ name }): [string, number][] => {
    const key = prefixes(name).find((prefix) => Object.hasOwn(rates, prefix));
    return key === undefined ? [] : [[name, rates[key] ?? 1]];
  });
  return ok(Object.fromEntries(factors));
}

/** The layers without the classifier at the end of a network that was built with its top. */
export function withoutClassifier(network: Network): Network {
  const weighted = (layer: Layer) => 'init' in layer;
  const last = network.layers.findLastIndex(weighted);
  return last <= 0 ? network : { ...network, layers: network.layers.slice(0, last) };
}
