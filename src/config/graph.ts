/** The graph of a pipeline: circles, ports, artifact types. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import type { ArtifactType } from '../stages/artifacts.ts';
import type { Port, StageKind } from '../stages/stage-kind.ts';
import type { ExpandedStage, ResolvedSource } from './matrix.ts';
import type { StageInput } from './pipeline-config.ts';
import { locate } from './source-text.ts';
import { groupOf, type WrittenStage } from './written-stage.ts';

export interface GraphStage {
  readonly stage: ExpandedStage;
  readonly kind: StageKind;
}

export type From = Readonly<Record<string, StageInput>>;

/** What every stage reads, by port. Problems are added to the list. */
export function connect(stages: readonly GraphStage[], problems: Diagnostic[]): ReadonlyMap<string, From> {
  const byName = new Map(stages.map((stage) => [stage.stage.name, stage]));
  const connected = new Map<string, From>();
  for (const reader of stages) connected.set(reader.stage.name, connectOne(reader, byName, problems));
  return connected;
}

function connectOne(reader: GraphStage, byName: ReadonlyMap<string, GraphStage>, problems: Diagnostic[]): From {
  const { stage, kind } = reader;
  const from: Record<string, StageInput> = {};
  const who = `${stage.name} (${kind.kind})`;
  // A port whose source is wrong is reported there, not once more as missing.
  const named = new Set<string>();
  for (const source of stage.reads) {
    const location = locate(source.place);
    const target = byName.get(source.stage);
    if (source.port) named.add(source.port);
    if (!target) {
      named.add(source.port ?? defaultPort(kind, undefined));
      continue;
    }
    const given = Object.keys(target.kind.gives);
    const artifact = source.artifact || given[0] || '';
    const type = target.kind.gives[artifact];
    const port = source.port ?? defaultPort(kind, type);
    named.add(port);
    const definition = Object.hasOwn(kind.ports, port) ? kind.ports[port] : undefined;
    if (!type) {
      problems.push(
        problem('P024', `${source.stage} gives no artifact "${artifact}"`, {
          location,
          help: didYouMean(artifact, given) ?? `it gives ${given.join(', ') || 'none'}`,
        }),
      );
    } else if (!definition) {
      problems.push(unknownPort(who, port, kind, location));
    } else if (!definition.accepts.includes(type)) {
      const help = fitting(reader, byName, definition.accepts);
      problems.push(
        problem(
          'P026',
          `${who} reads ${oneOf(definition.accepts)}${source.port ? ` at "${port}"` : ''}, but ${describe(source)} gives ${type}`,
          { location, help },
        ),
      );
    } else from[port] = { stage: source.stage, artifact };
  }
  for (const [port, { optional, accepts }] of Object.entries(kind.ports)) {
    if (optional || named.has(port) || stage.written.sources.some((source) => source.port === port)) continue;
    if (stage.reads.length < stage.written.sources.length) continue;
    const only = Object.keys(kind.ports).length === 1;
    const example = only ? 'from: STAGE' : `from: { ${port}: STAGE }`;
    problems.push(
      problem('P025', `${who} needs ${oneOf(accepts)}${only ? '' : ` at "${port}"`}`, {
        location: locate(stage.written.key),
        help: fitting(reader, byName, accepts) ?? `add \`${example}\``,
      }),
    );
  }
  return from;
}

function unknownPort(who: string, port: string, kind: StageKind, location: Diagnostic['location']): Diagnostic {
  const ports = Object.keys(kind.ports);
  const help =
    ports.length === 0
      ? 'this kind reads no stage; remove `from:`'
      : (didYouMean(port, ports) ?? `it has ${ports.join(', ')}`);
  return problem('P025', ports.length === 0 ? `${who} reads nothing` : `${who} has no port "${port}"`, {
    location,
    help,
  });
}

/** `from: x` means the only port, or `data`; or, where `data` does not take what x gives, the one other port that does. */
function defaultPort(kind: StageKind, type: ArtifactType | undefined): string {
  const ports = Object.entries<Port>(kind.ports);
  const takes = ports.filter(([, { accepts }]) => type !== undefined && accepts.includes(type)).map(([name]) => name);
  const first = ports.length === 1 ? ports[0]?.[0] : undefined;
  const [only, another] = takes;
  return first ?? (takes.includes('data') || another || !only ? 'data' : only);
}

function fitting(
  reader: GraphStage,
  byName: ReadonlyMap<string, GraphStage>,
  accepts: readonly ArtifactType[],
): string | undefined {
  const others = [...byName.values()].filter((other) => other !== reader);
  const names = others
    .filter(({ kind }) => Object.values(kind.gives).some((type) => accepts.includes(type)))
    .map(({ stage }) => stage.name);
  return names.length > 0
    ? `${names.slice(0, 5).join(', ')} ${names.length === 1 ? 'gives' : 'give'} ${oneOf(accepts)}`
    : undefined;
}

function oneOf(types: readonly string[]): string {
  return types.length < 2 ? types.join() : `${types.slice(0, -1).join(', ')} or ${types.at(-1)}`;
}

function describe(source: ResolvedSource): string {
  return source.artifact ? `${source.stage}.${source.artifact}` : source.stage;
}

/** Each circle among the stages as written once, named as the whole way round. */
export function circles(stages: readonly WrittenStage[]): readonly Diagnostic[] {
  const byName = new Map(stages.map((stage) => [stage.name, stage]));
  const state = new Map<string, 'open' | 'done'>();
  const found: Diagnostic[] = [];
  const visit = (name: string, way: readonly string[]) => {
    const stage = byName.get(name);
    if (!stage || state.get(name) === 'done') return;
    if (state.get(name) === 'open') {
      const round = [...way.slice(way.indexOf(name)), name];
      const message =
        round.length === 2 ? `${name} reads itself` : `these stages read each other in a circle: ${round.join(' → ')}`;
      found.push(
        problem('P027', message, {
          location: locate(stage.key),
          help: 'a stage can only read stages that do not need it',
        }),
      );
      return;
    }
    state.set(name, 'open');
    for (const source of stage.sources) visit(groupOf(source), [...way, name]);
    state.set(name, 'done');
  };
  for (const { name } of stages) visit(name, []);
  return found;
}
