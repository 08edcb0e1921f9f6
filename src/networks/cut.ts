/** Networks cut off behind a layer, so that its output becomes the network's. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { describeNetwork, showShape } from './layers.ts';
import type { Network } from './network.ts';

/** The layers up to and with `layer`. A wrong name lists the right ones with their shapes. */
export function cutNetwork(network: Network, layer: string): Result<Network, Diagnostic> {
  const at = network.layers.findIndex(({ name }) => name === layer);
  if (at >= 0) return ok({ ...network, layers: network.layers.slice(0, at + 1) });
  const description = describeNetwork(network);
  if (!description.ok) return description;
  return err(
    noSuchLayer(
      network.name,
      layer,
      description.value.layers.map(({ name, output }) => ({ name, shape: showShape(output) })),
    ),
  );
}

/** Layers shown in one message; the rest is counted. */
const LISTED = 40;

/** The diagnostic of a wrong layer name, for networks of ours and of files alike. */
export function noSuchLayer(
  network: string,
  layer: string,
  layers: readonly { readonly name: string; readonly shape: string }[],
): Diagnostic {
  const near = didYouMean(
    layer,
    layers.map(({ name }) => name),
  );
  const listed = layers.slice(-LISTED).map(({ name, shape }) => `${name} ${shape}`);
  const left = layers.length - listed.length;
  const list = `its layers are ${left > 0 ? `${left} others, then ` : ''}${listed.join(', ')}`;
  return problem('M003', `${network} has no layer "${layer}"`, { help: near ? `${near} ${list}` : list });
}
