/** What a data set looks like to pretrained networks, measured on a sample, and what to do about it. */
import { availableParallelism } from 'node:os';
import { dirname, relative } from 'node:path';
import { advisedFile } from '../advice/advised-file.ts';
import { type Assessment, assess } from '../advice/assessment.ts';
import { samplePipeline } from '../advice/sample-pipeline.ts';
import { type Scenario, scenarioOf } from '../advice/scenario.ts';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { RowTable } from '../data/row-table.ts';
import { sizeOf } from '../networks/network.ts';
import { makePlan } from '../plan/make-plan.ts';
import { artifactOf, stageOf } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { newRunId } from '../runs/run-record.ts';
import { runPlan } from '../scheduler/run-plan.ts';
import type { FeaturesArtifact } from '../stages/artifacts.ts';
import { planBackbone } from '../weights/backbone.ts';
import { openPipeline } from './compose.ts';
import type { RunOptions } from './run-pipeline.ts';

export interface AdviseOptions extends RunOptions {
  /** Networks to rank; those of the file where none is named. */
  readonly backbones?: readonly string[];
  /** Images of the sample. */
  readonly sample?: number;
}

export interface Ranked extends Assessment {
  readonly backbone: string;
  /** Seconds that the frozen network takes for all training images, estimated. */
  readonly seconds: number | undefined;
}

export interface Advice {
  readonly images: number;
  readonly classes: number;
  /** Median over the classes. */
  readonly perClass: number;
  readonly sampled: number;
  /** The best first. */
  readonly backbones: readonly Ranked[];
  readonly scenario: Scenario;
  /** Text of the pipeline file for the strategy, as it would lie at `path`. */
  file(path: string): string;
}

const DEFAULT_SAMPLE = 300;
const FLOPS_PER_SECOND = 30e9 * availableParallelism();

export async function advise(
  file: string,
  options: AdviseOptions = {},
): Promise<Result<Advice, readonly Diagnostic[]>> {
  const opened = await openPipeline(file, options);
  if (!opened.ok) return opened;
  const { config, workspace, kinds } = opened.value;
  const planOptions = {
    kinds,
    targets: [],
    force: 'none',
    offline: options.offline ?? false,
    previous: () => undefined,
  } as const;
  const unsampled = samplePipeline(config, options.backbones ?? [], 1);
  if (!unsampled) {
    const help = 'the file needs a preprocess stage, and an extract-features stage or `--backbone NAME`';
    return err([problem('U007', 'there is nothing to advise on', { help })]);
  }
  const dataset = await makePlan(unsampled.config, workspace, { ...planOptions, targets: [unsampled.images.name] });
  if (!dataset.ok) return dataset;
  const ran = await runPlan(dataset.value, workspace, runSettings(options));
  if (ran.outcome !== 'succeeded') return err([]);
  const table = await tableOf(unsampled.images.name, workspace, dataset.value);
  const counts = countsOf(table);
  const classes = counts.length;
  const perClass = Math.max(2, Math.ceil((options.sample ?? DEFAULT_SAMPLE) / Math.max(1, classes)));
  const sampled = samplePipeline(config, options.backbones ?? [], perClass);
  if (!sampled) throw new Error('the sample pipeline vanished');
  const targets = sampled.candidates.map(({ stage }) => stage);
  const plan = await makePlan(sampled.config, workspace, { ...planOptions, targets });
  if (!plan.ok) return plan;
  const summary = await runPlan(plan.value, workspace, runSettings(options));
  if (summary.outcome !== 'succeeded') return err([]);
  const images = counts.reduce((sum, count) => sum + count, 0);
  const backbones: Ranked[] = [];
  let rows = 0;
  for (const { name, stage } of sampled.candidates) {
    const read = await readSample(plan.value, stage, workspace);
    rows = read.labels.length;
    backbones.push({
      backbone: name,
      ...assess(read, config.seed),
      seconds: await secondsOf(plan.value, stage, images, workspace),
    });
  }
  backbones.sort((a, b) => b.gain - a.gain);
  const middle = [...counts].sort((a, b) => a - b)[Math.floor(counts.length / 2)] ?? 0;
  const [best] = backbones;
  const scenario = scenarioOf(middle, best?.similarity ?? 0);
  return ok({
    images,
    classes,
    perClass: middle,
    sampled: rows,
    backbones,
    scenario,
    file: (path) =>
      advisedFile(config, {
        scenario: scenario.name,
        backbone: best?.backbone ?? '',
        images: sampled.images.name,
        features: sampled.features,
        extendsPath: relative(dirname(path), config.path),
      }),
  });
}

function runSettings(options: AdviseOptions) {
  return {
    run: newRunId(),
    jobs: 1,
    keepGoing: false,
    engine: options.engine ?? 'auto',
    device: options.device,
    strictProducer: undefined,
    offline: options.offline ?? false,
    signal: options.signal ?? new AbortController().signal,
    emit: options.emit ?? (() => undefined),
    placesOutputs: false,
  } as const;
}

type MadePlan = Parameters<typeof runPlan>[0];

function artifactNow(plan: MadePlan, name: string, workspace: Workspace) {
  const stage = stageOf(plan, name);
  const entry = workspace.cache.entries.read(stage.fingerprint);
  const [first = ''] = Object.keys(stage.kind.gives);
  const artifact = entry && artifactOf(entry, first);
  if (!artifact) throw new Error(`stage ${name} has left nothing`);
  return artifact;
}

async function tableOf(name: string, workspace: Workspace, plan: MadePlan): Promise<RowTable> {
  const artifact = artifactNow(plan, name, workspace);
  if (!('rows' in artifact)) throw new Error(`stage ${name} gives no rows`);
  return RowTable.decode((await workspace.cache.blobs.get(artifact.rows)) ?? new Uint8Array());
}

/** Labelled training and validation rows of each class that has some. */
function countsOf(table: RowTable): readonly number[] {
  const counts = new Array<number>(table.classes.length).fill(0);
  for (const row of [...table.rowsOf('train'), ...table.rowsOf('validation')]) {
    const label = table.label[row] ?? -1;
    if (label >= 0) counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts.filter((count) => count > 0);
}

async function readSample(plan: MadePlan, stage: string, workspace: Workspace) {
  const artifact = artifactNow(plan, stage, workspace);
  if (artifact.type !== 'features') throw new Error(`stage ${stage} gives no features`);
  const features: FeaturesArtifact = artifact;
  const table = await tableOf(stage, workspace, plan);
  const rows = [...table.rowsOf('train')].filter((row) => (table.label[row] ?? -1) >= 0);
  const width = sizeOf(features.shape);
  const space = await workspace.cache.rowStore.find(features.space);
  if (!space) throw new Error('the row space of the sample is gone');
  const numbers = new Float32Array(rows.length * width);
  await space.read(
    rows.map((row) => table.key(row)),
    new Uint8Array(numbers.buffer),
  );
  await space.close();
  const labels = Int32Array.from(rows, (row) => table.label[row] ?? 0);
  return { features: numbers, width, labels, classes: table.classes.length };
}

async function secondsOf(
  plan: MadePlan,
  stage: string,
  images: number,
  workspace: Workspace,
): Promise<number | undefined> {
  const { resolved, inputs } = stageOf(plan, stage);
  const prepared = artifactNow(plan, inputs['data']?.stage ?? '', workspace);
  if (!resolved.backbone || prepared.type !== 'images') return undefined;
  const { height, width, channels } = prepared.pixels;
  const planned = await planBackbone(resolved.backbone, [height, width, channels === 'gray' ? 1 : 3]);
  return planned.ok && planned.value.flops !== undefined
    ? (planned.value.flops * images) / FLOPS_PER_SECOND
    : undefined;
}
