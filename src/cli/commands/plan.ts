import { escapeForTerminal } from '../../base/escape.ts';
import { pathFromRoot } from '../../files/project.ts';
import type { Plan, PlannedStage } from '../../plan/plan.ts';
import { describeChange, describeReason } from '../../plan/reason.ts';
import { showBytes, showCount, showDuration } from '../../report/duration.ts';
import type { Int8Option } from '../../runs/int8-option.ts';
import { predictTime } from '../../runs/predict-time.ts';
import { countPlannedRows } from '../../scheduler/planned-rows.ts';
import type { RowCounts } from '../../stages/stage-kind.ts';
import { measuredBySweeps, sweepsFolder } from '../../sweep/sweep-record.ts';
import { type PlannedPipeline, planPipeline } from '../compose.ts';
import { int8Options } from '../int8-options.ts';
import { cacheFolder, failWith, type GlobalOptions, paint, print, printJson } from '../output.ts';

async function open(file: string, targets: readonly string[], options: GlobalOptions) {
  return planPipeline(file, {
    set: options.set ?? [],
    cache: cacheFolder(options),
    targets,
    offline: options.offline ?? false,
    force: options['force'] === true ? 'all' : Array.isArray(options['force']) ? options['force'].map(String) : 'none',
  });
}

/** What would run, and why. */
export async function plan(file: string, targets: readonly string[], options: GlobalOptions): Promise<number> {
  const planned = await open(file, targets, options);
  if (!planned.ok) return failWith(planned.error, options);
  const stages = await withRows(planned.value);
  const would = stages.filter(({ stage }) => stage.status === 'run');
  const newRows = new Map(stages.map(({ stage, rows }) => [stage, rows && rows.total - rows.cached]));
  const { project } = planned.value.workspace;
  const times = predictTime(
    planned.value.plan,
    planned.value.workspace,
    (stage) => newRows.get(stage),
    measuredBySweeps(sweepsFolder(project), pathFromRoot(project.root, planned.value.plan.config.path)),
  ).stages;
  const int8 = await int8Options(stages, times);
  if (options.json)
    printJson({
      pipeline: planned.value.plan.config.name,
      stages: Object.fromEntries(
        stages.map(({ stage, rows }) => [stage.name, stageJson(stage, rows, times.get(stage), int8.get(stage))]),
      ),
    });
  else {
    const width = Math.max(...stages.map(({ stage }) => stage.name.length));
    for (const { stage, rows } of stages) {
      print(`${planLine(stage, rows, times.get(stage), width)}\n`);
      for (const note of [...(rows?.notes ?? []), ...int8Note(int8.get(stage))])
        print(paint('dim', `  ${' '.repeat(width + 4)}${escapeForTerminal(note)}\n`));
    }
    print(
      paint(
        'dim',
        would.length === 0 ? '  everything is cached\n' : `  ${would.length} of ${stages.length} stages would run\n`,
      ),
    );
  }
  return options['exitCode'] === true && would.length > 0 ? 1 : 0;
}

type Rows = RowCounts | undefined;

async function withRows({
  plan: { stages },
  plan: whole,
  workspace,
}: PlannedPipeline): Promise<readonly { readonly stage: PlannedStage; readonly rows: Rows }[]> {
  return Promise.all(
    stages.map(async (stage) => ({
      stage,
      rows:
        stage.entry?.rows && stage.status === 'cached'
          ? { total: stage.entry.rows.total, cached: stage.entry.rows.total }
          : await countPlannedRows(whole, stage, workspace),
    })),
  );
}

function int8Note(option: Int8Option | undefined): readonly string[] {
  if (option === undefined) return [];
  if (option === 'unmeasured') return ['precision: int8 may be faster: `pipe engines bench` measures by how much'];
  const { float32Ms, int8Ms } = option;
  return [
    `precision: int8 would take about ${showDuration(int8Ms)} instead of ${showDuration(float32Ms)}; what it costs: docs/engines.md`,
  ];
}

function stageJson(
  stage: PlannedStage,
  rows: Rows,
  predictedMs: number | undefined,
  int8: Int8Option | undefined,
): object {
  const { status, fingerprint, reason, resolved, kind } = stage;
  return {
    status,
    kind: kind.kind,
    fingerprint,
    reason,
    ...(rows && { rows: rowsJson(rows) }),
    ...(predictedMs !== undefined && { predictedMs: Math.round(predictedMs) }),
    ...(int8 && { int8: int8Json(int8) }),
    ...(resolved.download && { download: resolved.download }),
  };
}

function rowsJson({ forward: _, ...rows }: RowCounts): object {
  return { ...rows, new: rows.total - rows.cached };
}

/** Milliseconds in both precisions, or what would measure them. */
function int8Json(option: Int8Option): object {
  if (option === 'unmeasured') return { measuredBy: 'pipe engines bench' };
  return { predictedMs: Math.round(option.int8Ms), float32Ms: Math.round(option.float32Ms) };
}

function planLine(stage: PlannedStage, rows: Rows, predictedMs: number | undefined, width: number): string {
  const mark = stage.status === 'run' ? paint('yellow', '●') : paint('green', '✓');
  const details = [
    stage.status === 'cached' ? '' : describeReason(stage.reason),
    rows
      ? rows.cached === rows.total
        ? `${showCount(rows.total)} rows`
        : `${showCount(rows.cached)} cached · ${showCount(rows.total - rows.cached)} new`
      : '',
    stage.resolved.download ? `download ${showBytes(stage.resolved.download.bytes)}, once` : '',
    predictedMs === undefined ? '' : `about ${showDuration(predictedMs)}`,
    stage.status === 'cached' && stage.entry ? `took ${showDuration(stage.entry.durationMs)}` : '',
  ].filter((part) => part !== '');
  return `  ${mark} ${escapeForTerminal(stage.name).padEnd(width)}  ${stage.status.padEnd(10)} ${paint('dim', escapeForTerminal(details.join(' · ')))}`.trimEnd();
}

/** Why one stage runs or does not, key by key. */
export async function why(file: string, name: string, options: GlobalOptions): Promise<number> {
  const planned = await open(file, [name], options);
  if (!planned.ok) return failWith(planned.error, options);
  const { plan: whole } = planned.value;
  const stage = whole.stages.find((candidate) => candidate.name === name);
  if (!stage) throw new Error(`${name} is in the targets, but not in the plan`);
  if (options.json) {
    printJson({
      stage: name,
      status: stage.status,
      fingerprint: stage.fingerprint,
      reason: stage.reason,
      record: stage.record,
    });
    return 0;
  }
  const found =
    stage.status === 'cached'
      ? 'is cached: nothing that decides what it gives has changed'
      : `${stage.status === 'run' ? 'would run' : 'is not needed'}: ${describeReason(stage.reason)}`;
  print(`${escapeForTerminal(`${name} ${found}`)}\n`);
  for (const line of explain(whole, stage, new Set())) print(`  ${escapeForTerminal(line)}\n`);
  return 0;
}

/** Changes of the stage with their place in the file, then those of what it reads. */
function explain(plan: Plan, stage: PlannedStage, seen: Set<string>): readonly string[] {
  if (seen.has(stage.name) || stage.reason.type !== 'changed') return [];
  seen.add(stage.name);
  const own = stage.reason.changes.map((change) => {
    const at = stage.config.location(change.path.replaceAll('.', '/'));
    const place = at && (at.file.startsWith('--set ') ? at.file : `${at.file.split('/').at(-1)}:${at.line}`);
    return `${stage.name}: ${describeChange(change)}${place ? ` (${place})` : ''}`;
  });
  const below = stage.reason.inputs.flatMap((name) => {
    const input = plan.stages.find((candidate) => candidate.name === name);
    return input ? explain(plan, input, seen) : [];
  });
  const unchanged = Object.entries(
    stage.record.with !== null && typeof stage.record.with === 'object' ? stage.record.with : {},
  )
    .map(([key]) => key)
    .filter(
      (key) =>
        stage.reason.type === 'changed' &&
        !stage.reason.changes.some(({ path }) => path === key || path.startsWith(`${key}.`)),
    );
  return [...own, ...below, ...(unchanged.length > 0 ? [`${stage.name}: unchanged: ${unchanged.join(', ')}`] : [])];
}

export async function status(file: string, options: GlobalOptions): Promise<number> {
  return plan(file, [], options);
}
