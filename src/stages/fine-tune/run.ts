import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Engine } from '../../engines/engine.ts';
import { randomWeights } from '../../networks/initializers.ts';
import { describeNetwork } from '../../networks/layers.ts';
import type { Layer, Network, Weights } from '../../networks/network.ts';
import { fetchBackbone } from '../backbone/extraction.ts';
import { imageShape } from '../inputs/image-inputs.ts';
import { trainingRows } from '../inputs/labelled-rows.ts';
import type { RunContext, StageBody, StageFailure, StageOutcome } from '../stage-kind.ts';
import { classifierNetwork } from '../training/layer-list.ts';
import { type Training, train } from '../training/training-loop.ts';
import { rateFactors } from './freeze.ts';
import type { FineTuneParams } from './index.ts';
import { openTrainedInputs } from './open-trained-inputs.ts';
import { decideOnRows, type PlannedFineTuning, planFineTuning, usedRows } from './plan-fine-tuning.ts';
import { warmUp } from './warm-up.ts';

/** The stored rows of the frozen layers may turn out damaged this often before the run gives up. */
const ATTEMPTS = 3;

export const body: StageBody<FineTuneParams> = {
  async run(params, context) {
    const images = context.input('data', 'images');
    const planned = await planFineTuning(params, images, context.resolved, context.strictProducer);
    if (!planned.ok) return refused(planned.error, context);
    for (let attempt = 1; ; attempt++) {
      const outcome = await fineTune(planned.value, params, context);
      // The next attempt makes damaged rows again, and goes on from the last checkpoint.
      const damaged = !outcome.ok && outcome.error.reason === 'damaged-input';
      if (!damaged || attempt === ATTEMPTS) return outcome;
    }
  },

  async countRows(params, context) {
    const images = context.input('data', 'images');
    const table = images && (await context.rows('data'));
    if (!table) return undefined;
    const planned = await planFineTuning(params, images, context.resolved, undefined);
    if (!planned.ok || !planned.value.extraction) return undefined;
    const used = usedRows(table);
    const { store, why, missing } = await decideOnRows(planned.value, params, used, context.rowStore);
    return { total: used.count, cached: store ? used.count - missing : 0, notes: [why] };
  },
};

async function fineTune(
  planned: PlannedFineTuning,
  params: FineTuneParams,
  context: RunContext,
): Promise<Result<StageOutcome, StageFailure>> {
  const { classes } = context.input('data', 'images');
  const table = await context.rowTable(context.input('data', 'images').rows);
  const rows = trainingRows(table, context.warn);
  if (!rows.ok) return err({ reason: 'diagnostics', diagnostics: [rows.error] });
  const networks = networksOf(planned, params, classes.length);
  const factors = rateFactors(planned.cut.trained, params.rates);
  if (!factors.ok) return refused(factors.error, context);
  const engine = await context.engine();
  if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
  const pretrained = await pretrainedWeights(planned, context);
  if (!pretrained.ok) return pretrained;
  const inputs = await openTrainedInputs(planned, params, pretrained.value, table, engine.value, context);
  if (!inputs.ok) return inputs;
  try {
    const training: Training = {
      network: networks.trained,
      initial: () => {
        const drawn = randomWeights(networks.head, context.seed);
        return drawn.ok ? ok(new Map([...weightsOf(networks.trained, pretrained.value), ...drawn.value])) : drawn;
      },
      settings: params,
      seed: context.seed,
      table,
      rows: inputs.value.readable(rows.value),
      inputs: inputs.value.source,
      frozen: params.batchNorm === 'frozen' ? batchNormsOf(planned.cut.trained) : [],
      rateFactors: factors.value,
    };
    const means = { engine: engine.value, pretrained: pretrained.value, context };
    const outcome = await trainWhole(training, planned, params, means);
    return outcome.ok ? ok({ ...outcome.value, ...(inputs.value.rows && { rows: inputs.value.rows }) }) : outcome;
  } finally {
    await inputs.value.close();
  }
}

/** Which param each code is about. */
const POINTERS: Readonly<Record<string, string>> = { S050: 'freeze', S051: 'rates', S052: 'backbone', M003: 'freeze' };

function refused({ code, message, help, location }: Diagnostic, context: RunContext): Result<never, StageFailure> {
  const at = location ?? context.at(POINTERS[code] ?? 'backbone') ?? context.at('backbone');
  return err({ reason: 'diagnostics', diagnostics: [problem(code, message, { help, location: at })] });
}

interface Means {
  readonly engine: Engine;
  readonly pretrained: Weights;
  readonly context: RunContext;
}

async function trainWhole(
  training: Training,
  { cut, network, pixels }: PlannedFineTuning,
  params: FineTuneParams,
  { engine, pretrained, context }: Means,
): Promise<Result<StageOutcome, StageFailure>> {
  const names = cut.trained.map(({ name }) => name);
  const warm = await warmUp(training, params.warmup, names, engine, context);
  if (!warm.ok) return warm;
  const below = cut.frozen ? weightsOf(cut.frozen.network, pretrained) : new Map();
  const trained = await train({ ...training, ...warm.value, below }, engine, context);
  if (!trained.ok) return trained;
  const { weights, history, producer } = trained.value;
  const layers = [...(cut.frozen?.network.layers ?? []), ...training.network.layers];
  const whole: Network = { name: network.name, input: network.input, layers };
  const reads = { type: 'images', pixels } as const;
  const { classes } = training.table;
  return ok({
    artifacts: { model: { type: 'model', classes, network: whole, weights, reads, history } },
    producer,
  });
}

/** The layers that are trained, and those of them that start from random weights. */
function networksOf(
  { cut, network }: PlannedFineTuning,
  params: FineTuneParams,
  classes: number,
): { readonly trained: Network; readonly head: Network } {
  const described = describeNetwork(network);
  if (!described.ok) throw new Error(described.error.message);
  const taken = new Set(network.layers.map(({ name }) => name));
  const own = [...poolingLayers(params.pooling, described.value.output.length), ...params.head].map((layer) =>
    taken.has(layer.name) ? { ...layer, name: `head_${layer.name}` } : layer,
  );
  return {
    trained: classifierNetwork('fine-tuned', cut.input, [...cut.trained, ...own], classes, params),
    head: classifierNetwork('head', described.value.output, own, classes, params),
  };
}

function poolingLayers(pooling: FineTuneParams['pooling'], rank: number): readonly Layer[] {
  if (pooling === 'none' || rank !== 3) return [];
  return pooling === 'average'
    ? [{ type: 'global-average-pool', name: 'pooling' }]
    : [{ type: 'global-max-pool', name: 'pooling' }];
}

async function pretrainedWeights(
  { backbone, pixels }: PlannedFineTuning,
  context: RunContext,
): Promise<Result<Weights, StageFailure>> {
  const program = await fetchBackbone(backbone, imageShape(pixels), context);
  if (!program.ok) return program;
  if (program.value.kind !== 'network') throw new Error('an ONNX program got past the plan');
  return ok(program.value.weights);
}

/** Those of some weights that a network has. */
function weightsOf(network: Network, weights: Weights): Weights {
  const described = describeNetwork(network);
  if (!described.ok) throw new Error(described.error.message);
  return new Map(
    described.value.slots.flatMap(({ name }) => {
      const found = weights.get(name);
      return found ? [[name, found] as const] : [];
    }),
  );
}

function batchNormsOf(layers: readonly Layer[]): readonly string[] {
  return layers.filter(({ type }) => type === 'batch-norm').map(({ name }) => name);
}
