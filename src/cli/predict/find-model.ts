/** The model that a command names: a stage of a pipeline, a stage of a run, or an exported model. */
import { existsSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { findPipelineFile, locateProject } from '../../files/project.ts';
import { artifactOf, type PlannedStage } from '../../plan/plan.ts';
import { openWorkspace, type Workspace } from '../../plan/workspace.ts';
import { findRun } from '../../runs/find-run.ts';
import type { ModelArtifact } from '../../stages/artifacts.ts';
import { type PipelineOptions, planPipeline } from '../compose.ts';

export interface TrainedModel {
  readonly type: 'trained';
  /** `pipeline#stage`, for messages. */
  readonly name: string;
  readonly model: ModelArtifact;
  readonly workspace: Workspace;
  /** Where paths of the pipeline file start. */
  readonly folder: string;
}

export interface ExportedModel {
  readonly type: 'exported';
  readonly name: string;
  /** Path of the card. */
  readonly card: string;
}

/** @param address `FILE`, `FILE#stage`, a run's id (or `@last`) likewise, or an exported folder, file or card */
export async function findModel(
  address: string,
  options: PipelineOptions & { readonly stage?: string | undefined },
): Promise<Result<TrainedModel | ExportedModel, readonly Diagnostic[]>> {
  const workingFolder = options.workingFolder ?? process.cwd();
  const card = cardAt(resolve(workingFolder, address));
  if (card !== undefined) return ok({ type: 'exported', name: address, card });
  const [, name = address, behind] = /^(.*?)#(.*)$/.exec(address) ?? [];
  const wanted = options.stage ?? behind;
  if (findPipelineFile(name, workingFolder) !== undefined) return inPipeline(name, wanted, options);
  return inRun(name, wanted, options, workingFolder);
}

const EXPORTED = /\.(onnx|h5|keras)$/i;

/** The card of an exported model: beside its file, or in its folder. */
function cardAt(path: string): string | undefined {
  const card =
    extname(path).toLowerCase() === '.json'
      ? path
      : join(EXPORTED.test(path) && existsSync(path) ? dirname(path) : path, 'model.json');
  return existsSync(card) ? card : undefined;
}

async function inPipeline(
  file: string,
  wanted: string | undefined,
  options: PipelineOptions,
): Promise<Result<TrainedModel, readonly Diagnostic[]>> {
  const planned = await planPipeline(file, options);
  if (!planned.ok) return planned;
  const { plan, workspace, config } = planned.value;
  const stage = chooseStage(plan.stages, wanted, file);
  if (!stage.ok) return err([stage.error]);
  const { entry, name } = stage.value;
  const model = entry && artifactOf(entry, modelOf(stage.value) ?? '');
  if (model?.type !== 'model') {
    return err([
      problem('U011', `stage ${name} of ${file} has not been trained, or something that it reads has changed since`, {
        help: `\`pipe run ${file} ${name}\` trains it; the model of an earlier run is named by the run: \`pipe predict RUN#${name} …\``,
      }),
    ]);
  }
  return ok({ type: 'trained', name: `${config.name}#${name}`, model, workspace, folder: dirname(config.path) });
}

/** The artifact of a stage that is a model. */
function modelOf({ kind }: PlannedStage): string | undefined {
  return Object.entries(kind.gives).find(([, type]) => type === 'model')?.[0];
}

function chooseStage(
  stages: readonly PlannedStage[],
  wanted: string | undefined,
  file: string,
): Result<PlannedStage, Diagnostic> {
  const models = stages.filter((stage) => modelOf(stage) !== undefined);
  const names = models.map(({ name }) => name);
  const chosen = wanted === undefined ? models[0] : models.find(({ name }) => name === wanted);
  if (chosen && (wanted !== undefined || models.length === 1)) return ok(chosen);
  if (wanted !== undefined) {
    const help = didYouMean(wanted, names) ?? `stages with a model: ${names.join(', ') || 'none'}`;
    return err(problem('U004', `no stage "${wanted}" of ${file} trains a model`, { help }));
  }
  if (names.length === 0)
    return err(
      problem('U010', `no stage of ${file} trains a model`, { help: 'train-head, train-network and fine-tune do' }),
    );
  return err(
    problem('U010', `${names.length} stages of ${file} train a model`, {
      help: `name one of them: --stage ${names[0]}; there are ${names.join(', ')}`,
    }),
  );
}

function inRun(
  id: string,
  wanted: string | undefined,
  options: PipelineOptions,
  workingFolder: string,
): Result<TrainedModel, readonly Diagnostic[]> {
  const project = locateProject(join(workingFolder, 'x'), options.environment ?? process.env, options.cache);
  const record = findRun(project.runs, id);
  if (!record) {
    return err([
      problem('U010', `there is no model ${JSON.stringify(id)}`, {
        help: 'MODEL is a pipeline file (or its name in ./pipelines), a run (`pipe runs` lists them), or an exported model',
      }),
    ]);
  }
  const workspace = openWorkspace(project, () => undefined);
  const models = Object.entries(record.summary.stages).flatMap(([name, { fingerprint }]) => {
    const entry = workspace.cache.entries.read(fingerprint);
    const found = Object.keys(entry?.artifacts ?? {}).flatMap((artifact) => {
      const model = entry && artifactOf(entry, artifact);
      return model?.type === 'model' ? [model] : [];
    });
    return found.map((model) => ({ name, model }));
  });
  const names = models.map(({ name }) => name);
  const [chosen, ...others] = wanted === undefined ? models : models.filter(({ name }) => name === wanted);
  if (!chosen || others.length > 0) {
    const message = chosen
      ? `run ${record.id} has ${models.length} models`
      : `run ${record.id} has left no model${wanted === undefined ? '' : ` "${wanted}"`} in the cache`;
    const help = names.length > 0 ? `name one of them: --stage ${names[0]}; there are ${names.join(', ')}` : undefined;
    return err([problem(chosen ? 'U010' : 'U011', message, { help })]);
  }
  const folder = dirname(resolve(project.root, record.pipeline));
  return ok({ type: 'trained', name: `${record.id}#${chosen.name}`, model: chosen.model, workspace, folder });
}
