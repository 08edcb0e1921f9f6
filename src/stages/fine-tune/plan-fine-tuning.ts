/** What a fine-tuning would do, told without reading weights. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowStore } from '../../cache/row-store.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { Producer } from '../../engines/engine.ts';
import { readMeasured } from '../../engines/measured.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { type Network, sizeOf } from '../../networks/network.ts';
import { backboneNetwork } from '../../weights/backbone.ts';
import { cutBackbone, type ResolvedBackbone } from '../../weights/resolve-backbone.ts';
import type { ImagesArtifact } from '../artifacts.ts';
import { missingRows, type PlannedExtraction, planExtraction } from '../backbone/extraction.ts';
import { distinctRows } from '../inputs/distinct-rows.ts';
import { imageShape } from '../inputs/image-inputs.ts';
import { labelledRows } from '../inputs/labelled-rows.ts';
import type { CountContext } from '../stage-kind.ts';
import { type CutNetwork, freezeNetwork, withoutClassifier } from './freeze.ts';
import { decideFrozenCache, type FrozenDecision } from './frozen-cache.ts';
import type { FineTuneParams } from './index.ts';

export interface PlannedFineTuning {
  /** The whole pretrained network, to be loaded. */
  readonly backbone: ResolvedBackbone;
  /** As far as it is used. */
  readonly network: Network;
  readonly cut: CutNetwork;
  readonly pixels: SettledPixels;
  /** How the output of the frozen layers would be stored; undefined where every layer is trained. */
  readonly extraction: PlannedExtraction | undefined;
}

export async function planFineTuning(
  params: FineTuneParams,
  images: ImagesArtifact,
  { backbone }: CountContext['resolved'],
  producer: Producer | undefined,
): Promise<Result<PlannedFineTuning, Diagnostic>> {
  if (!backbone) throw new Error('a fine-tuning without a resolved backbone');
  const built = await backboneNetwork(backbone, imageShape(images.pixels));
  if (!built.ok) return built;
  if (!built.value) {
    return err(
      problem('S052', 'an .onnx file cannot be trained on', {
        help: 'give a built-in network or a Keras file, or train a head on its features: extract-features, train-head',
      }),
    );
  }
  const network = params.top && params.layer === null ? withoutClassifier(built.value) : built.value;
  const cut = freezeNetwork(network, params);
  if (!cut.ok) return cut;
  const { frozen } = cut.value;
  const settings = { precision: 'float32', store: 'float32', producer } as const;
  const part = frozen ? cutBackbone(backbone, frozen.last) : backbone;
  const extraction = await planExtraction({ ...settings, backbone: part }, images);
  if (!extraction.ok) return extraction;
  const { pixels } = extraction.value;
  return ok({ backbone, network, cut: cut.value, pixels, extraction: frozen && extraction.value });
}

/** FLOPs a second of the engine that computes unless another one is asked for. */
function measuredSpeed(): number | undefined {
  const gflops = readMeasured().find(({ engine, device }) => engine === 'ort' && device === 'cpu')?.gflops;
  return gflops === undefined ? undefined : gflops * 1e9;
}

/** The labelled rows that a training reads, each image once. */
export function usedRows(table: RowTable): RowTable {
  const labelled = table.select([...labelledRows(table, 'train'), ...labelledRows(table, 'validation')]);
  return labelled.select(distinctRows(labelled));
}

/** Whether the output of the frozen layers is stored for the rows of `used`, and how many of them are there already. */
export async function decideOnRows(
  { cut, extraction, pixels }: PlannedFineTuning,
  { cacheFrozen, epochs, warmup }: FineTuneParams,
  used: RowTable,
  rowStore: RowStore,
): Promise<FrozenDecision & { readonly missing: number }> {
  const space = extraction && (await rowStore.find(extraction.space.id));
  const missing = space ? missingRows(space, used, distinctRows(used)).length : used.count;
  await space?.close();
  const decision = decideFrozenCache(cacheFrozen, {
    rows: used.count,
    missing,
    epochs: epochs + warmup,
    flops: cut.frozen?.flops ?? 0,
    bytes: sizeOf(cut.input) * 4,
    augmented: Boolean(pixels.augment),
    free: rowStore.freeBytes(),
    speed: measuredSpeed(),
  });
  return { ...decision, missing };
}
