import { err, ok } from '../../base/result.ts';
import { settle } from '../../data/prepare-batches.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { pixelModes, pixelsForChannels } from '../../networks/architectures/architecture.ts';
import { findArchitecture } from '../../networks/architectures/index.ts';
import { randomWeights } from '../../networks/initializers.ts';
import type { Layer, Network, Shape } from '../../networks/network.ts';
import { ImageInputs, imageShape, SkippedImages } from '../inputs/image-inputs.ts';
import { labelledRows, trainingRows } from '../inputs/labelled-rows.ts';
import type { StageBody } from '../stage-kind.ts';
import { classifierNetwork } from '../training/layer-list.ts';
import { remembering } from '../training/remembered-inputs.ts';
import { train } from '../training/training-loop.ts';
import type { ArchitectureChoice, TrainNetworkParams } from './index.ts';

/** Prepared images up to this size are kept in memory, so that they are decoded once and not in every epoch. */
const REMEMBERED_BYTES = 256 * 2 ** 20;

export const body: StageBody<TrainNetworkParams> = {
  async run(params, context) {
    const images = context.input('data', 'images');
    const table = await context.rowTable(images.rows);
    const rows = trainingRows(table, context.warn);
    if (!rows.ok) return err({ reason: 'diagnostics', diagnostics: [rows.error] });
    const shape = imageShape(images.pixels);
    const spec = settle(images.pixels, pixelsOf(params.architecture, shape));
    const network = networkOf(params, shape, table.classes.length);
    const engine = await context.engine();
    if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
    const skips = new SkippedImages(context.warn);
    const decoded = new ImageInputs({ table, spec, images: context.images('data'), skips, seed: context.seed });
    const used = rows.value.train.length + labelledRows(table, 'validation').length;
    const initial = () => randomWeights(network, context.seed);
    const training = { network, initial, settings: params, seed: context.seed, table, rows: rows.value };
    const bytes = spec.augment ? 0 : REMEMBERED_BYTES;
    const trained = await remembering(decoded, { table: table.count, rows: used, bytes }, (inputs) =>
      train({ ...training, inputs }, engine.value, context),
    );
    if (!trained.ok) return trained;
    skips.finish(table.count);
    const { weights, history, producer } = trained.value;
    const reads = { type: 'images', pixels: spec } as const;
    return ok({
      artifacts: { model: { type: 'model', classes: table.classes, network, weights, reads, history } },
      producer,
    });
  },
};

/** What `normalize: backbone` means here: the architecture's pixels, or 0 to 1 for layers of one's own. */
function pixelsOf(architecture: ArchitectureChoice | null, shape: Shape): SettledPixels['normalize'] {
  const values = architecture ? findArchitecture(architecture.name)?.pixels : undefined;
  return pixelsForChannels(values ?? pixelModes.unit, shape[2] ?? 3);
}

function networkOf(params: TrainNetworkParams, input: Shape, classes: number): Network {
  const { architecture, layers } = params;
  if (!architecture) return classifierNetwork('network', input, layers, classes, params);
  const built = findArchitecture(architecture.name);
  if (!built) throw new Error(`no architecture ${architecture.name}`);
  const [height = 0, width = 0, channels = 0] = input;
  const top = layers.length === 0;
  const network = built.build({ height, width, channels, top, classes, alpha: architecture.alpha });
  if (!top) return classifierNetwork(network.name, input, [...network.layers, ...layers], classes, params);
  return { ...network, layers: linearEnd(network.layers) };
}

/** The layers without the softmax at their end: it is in the loss. */
function linearEnd(layers: readonly Layer[]): readonly Layer[] {
  const last = layers.at(-1);
  if (last?.type === 'activation' && last.activation === 'softmax') return layers.slice(0, -1);
  if (last?.type !== 'dense') throw new Error('a top that ends in neither a softmax nor a dense layer');
  return [...layers.slice(0, -1), { ...last, activation: 'linear' }];
}
