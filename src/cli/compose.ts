/** Puts the parts together: from a pipeline file's path to a workspace and a plan. The commands and the API are thin callers. */
import { resolve } from 'node:path';
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type ParseOptions, parsePipeline } from '../config/parse-pipeline.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import { findPipelineFile, locateProject, pathFromRoot } from '../files/project.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Plan } from '../plan/plan.ts';
import { openWorkspace, type Workspace } from '../plan/workspace.ts';
import { lastRecords } from '../runs/run-record.ts';
import { stageKinds } from '../stages/index.ts';
import type { StageKind } from '../stages/stage-kind.ts';

export interface PipelineOptions {
  /** `--set` arguments. */
  readonly set?: readonly string[];
  readonly cache?: string | undefined;
  /** Only these stages and what they read. */
  readonly targets?: readonly string[];
  readonly force?: 'none' | 'all' | readonly string[];
  readonly offline?: boolean;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly workingFolder?: string;
  /** Warnings that belong to no stage, such as damage in the cache. */
  readonly warn?: (diagnostic: Diagnostic) => void;
}

export interface OpenPipeline {
  readonly workspace: Workspace;
  readonly config: PipelineConfig;
  readonly kinds: ReadonlyMap<string, StageKind>;
}

export async function openPipeline(
  file: string,
  options: PipelineOptions,
): Promise<Result<OpenPipeline, readonly Diagnostic[]>> {
  const environment = options.environment ?? process.env;
  const path = findPipelineFile(file, options.workingFolder ?? process.cwd());
  if (path === undefined)
    return err([
      problem('P002', `no such pipeline file: ${file}`, {
        help: 'FILE is a path, or the name of a file in ./pipelines; `pipe init` writes one',
      }),
    ]);
  const project = locateProject(path, environment, options.cache);
  const workspace = openWorkspace(project, (detail) =>
    options.warn?.(warning('K001', detail, { help: 'it is computed again; `pipe cache verify` checks everything' })),
  );
  const parsed = await parsePipeline(path, parseOptionsOf(options, workspace));
  if (!parsed.ok) return parsed;
  const { config, kinds } = parsed.value;
  const asked = [...(options.targets ?? []), ...(Array.isArray(options.force) ? options.force : [])];
  const unknown = asked.find((name) => stagesCalled(config, name).length === 0);
  if (unknown !== undefined) {
    const names = config.stages.map(({ name }) => name);
    return err([
      problem('U004', `there is no stage "${unknown}" in ${file}`, {
        help: didYouMean(unknown, names) ?? `stages: ${names.join(', ')}`,
      }),
    ]);
  }
  return ok({ workspace, config, kinds });
}

/** The stage of that name, or all children of a stage with a matrix. */
function stagesCalled({ stages }: PipelineConfig, name: string): readonly string[] {
  return stages.filter((stage) => stage.name === name || stage.name.startsWith(`${name}@`)).map((stage) => stage.name);
}

export function parseOptionsOf(options: PipelineOptions, { project, memo }: Workspace): ParseOptions {
  const environment = options.environment ?? process.env;
  return { kinds: stageKinds, overrides: options.set ?? [], environment, root: project.root, memo };
}

export interface PlannedPipeline extends OpenPipeline {
  readonly plan: Plan;
}

export async function planPipeline(
  file: string,
  options: PipelineOptions = {},
): Promise<Result<PlannedPipeline, readonly Diagnostic[]>> {
  const opened = await openPipeline(file, options);
  if (!opened.ok) return opened;
  const { workspace, config, kinds } = opened.value;
  const force = options.force ?? 'none';
  const plan = await makePlan(config, workspace, {
    kinds,
    targets: (options.targets ?? []).flatMap((name) => stagesCalled(config, name)),
    force: Array.isArray(force) ? force.flatMap((name) => stagesCalled(config, name)) : force,
    offline: options.offline ?? false,
    previous: lastRecords(workspace.project.runs, pathFromRoot(workspace.project.root, resolve(config.path))),
  });
  return plan.ok ? ok({ ...opened.value, plan: plan.value }) : plan;
}
