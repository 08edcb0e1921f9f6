/** The graph of a pipeline: names, cycles, ports. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { didYouMean } from './did-you-mean.ts';
import { type RawStage, sourcesOf } from './matrix.ts';

export interface GraphStage {
  readonly raw: RawStage;
  readonly kind: StageKind;
}

export type From = Readonly<Record<string, { readonly stage: string; readonly artifact: string }>>;

/** What every stage reads, by port. Problems are added to the list. */
export function connect(stages: readonly GraphStage[], problems: Diagnostic[]): ReadonlyMap<string, From> {
  const byName = new Map(stages.map((stage) => [stage.raw.name, stage]));
  const connected = new Map<string, From>();
  for (const stage of stages) {
    const from: Record<string, { stage: string; artifact: string }> = {};
    for (const source of sourcesOf(stage.raw)) {
      const target = findTarget(source.text, stage, byName);
      if ('problem' in target) {
        problems.push({ ...target.problem, location: source.at });
        continue;
      }
      const port = source.port || defaultPort(stage, target.type);
      const definition = stage.kind.ports[port];
      const ports = Object.keys(stage.kind.ports);
      if (!definition) {
        problems.push(problem('P032', `${stage.raw.name} (${stage.kind.kind}) has no port "${port}"`, { location: source.at, help: ports.length ? didYouMean(port, ports) ?? `ports: ${ports.join(', ')}` : 'this kind reads no stage; remove `from:`' }));
      } else if (!definition.accepts.some((type) => type === target.type)) {
        problems.push(problem('P033', `${stage.raw.name} reads ${definition.accepts.join(' or ')} at "${port}", but ${source.text} gives ${target.type}`, { location: source.at, help: fitting(stages, stage, definition.accepts) }));
      } else from[port] = { stage: target.stage, artifact: target.artifact };
    }
    for (const [port, { optional, accepts }] of Object.entries(stage.kind.ports)) {
      if (!optional && !from[port] && !problems.some(({ location }) => sourcesOf(stage.raw).some(({ at }) => at === location))) {
        problems.push(problem('P032', `${stage.raw.name} (${stage.kind.kind}) needs ${accepts.join(' or ')} at "${port}"`, { location: stage.raw.key, help: fitting(stages, stage, accepts) ?? `add \`from: { ${port}: STAGE }\`` }));
      }
    }
    connected.set(stage.raw.name, from);
  }
  problems.push(...cycles(stages, connected));
  return connected;
}

type Target = { readonly stage: string; readonly artifact: string; readonly type: string } | { readonly problem: Diagnostic };

function findTarget(text: string, reader: GraphStage, byName: ReadonlyMap<string, GraphStage>): Target {
  const [name = '', ...rest] = text.split('.');
  const source = byName.get(name);
  if (!source) {
    const children = [...byName.keys()].filter((key) => key.startsWith(`${name}@`));
    const help = children.length > 0 ? `${name} has the children ${children.join(', ')}` : didYouMean(name, [...byName.keys()]) ?? `stages: ${[...byName.keys()].join(', ')}`;
    return { problem: problem('P030', `${reader.raw.name} reads "${name}", which is no stage`, { help }) };
  }
  const given = Object.keys(source.kind.gives);
  const artifact = rest.join('.') || given[0] || '';
  const type = source.kind.gives[artifact];
  if (!type) return { problem: problem('P034', `${name} gives no artifact "${artifact}"`, { help: didYouMean(artifact, given) ?? `it gives: ${given.join(', ') || 'nothing'}` }) };
  return { stage: name, artifact, type };
}

/** `from: x` means the port that takes what x gives; where several do, the one called `data`, or the first. */
function defaultPort(stage: GraphStage, type: string): string {
  const ports = Object.entries(stage.kind.ports);
  const fit = ports.filter(([, { accepts }]) => accepts.some((accepted) => accepted === type)).map(([name]) => name);
  return fit.find((name) => name === 'data') ?? fit[0] ?? ports[0]?.[0] ?? 'data';
}

function fitting(stages: readonly GraphStage[], reader: GraphStage, accepts: readonly string[]): string | undefined {
  const names = stages.filter((stage) => stage !== reader && Object.values(stage.kind.gives).some((type) => accepts.includes(type))).map(({ raw }) => raw.name);
  return names.length > 0 ? `stages that give it: ${names.join(', ')}` : undefined;
}

/** Each cycle once, named as the whole way round. */
function cycles(stages: readonly GraphStage[], connected: ReadonlyMap<string, From>): readonly Diagnostic[] {
  const state = new Map<string, 'open' | 'done'>();
  const found: Diagnostic[] = [];
  const visit = (name: string, way: readonly string[]) => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open') {
      const round = [...way.slice(way.indexOf(name)), name];
      found.push(problem('P031', `the stages read each other in a circle: ${round.join(' → ')}`, { location: stages.find(({ raw }) => raw.name === name)?.raw.key, help: 'a stage can only read stages that do not need it' }));
      return;
    }
    state.set(name, 'open');
    for (const { stage } of Object.values(connected.get(name) ?? {})) visit(stage, [...way, name]);
    state.set(name, 'done');
  };
  for (const { raw } of stages) visit(raw.name, []);
  return found;
}
