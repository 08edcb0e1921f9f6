import { escapeForTerminal } from '../../base/escape.ts';
import type { PlannedStage } from '../../plan/plan.ts';
import { planPipeline } from '../compose.ts';
import { cacheFolder, failWith, type GlobalOptions, paint, print, printJson } from '../output.ts';

export async function dag(file: string, options: GlobalOptions): Promise<number> {
  const planned = await planPipeline(file, {
    set: options.set ?? [],
    cache: cacheFolder(options),
    offline: options.offline ?? false,
  });
  if (!planned.ok) return failWith(planned.error, options);
  const { stages } = planned.value.plan;
  if (options.json)
    printJson({
      stages: stages.map(({ name, kind, status, inputs }) => ({
        name,
        kind: kind.kind,
        status,
        reads: Object.values(inputs).map(({ stage }) => stage),
      })),
    });
  else if (options['mermaid']) print(mermaid(stages));
  else if (options['dot']) print(dot(stages));
  else print(text(stages));
  return 0;
}

const reads = ({ inputs }: PlannedStage) => [...new Set(Object.values(inputs).map(({ stage }) => stage))];

/** Names that Mermaid takes as ids. */
const id = (name: string) => name.replace(/\W/g, '_');

function mermaid(stages: readonly PlannedStage[]): string {
  const nodes = stages.map(
    ({ name, kind, status }) =>
      `  ${id(name)}["${name.replaceAll('"', '')}<br/><small>${kind.kind}</small>"]${status === 'run' ? ':::run' : ''}`,
  );
  const edges = stages.flatMap((stage) => reads(stage).map((from) => `  ${id(from)} --> ${id(stage.name)}`));
  return `flowchart TD\n${[...nodes, ...edges].join('\n')}\n  classDef run stroke-dasharray: 4\n`;
}

function dot(stages: readonly PlannedStage[]): string {
  const nodes = stages.map(
    ({ name, kind, status }) =>
      `  ${JSON.stringify(name)} [label=${JSON.stringify(`${name}\n${kind.kind}`)}${status === 'run' ? ', style=dashed' : ''}];`,
  );
  const edges = stages.flatMap((stage) =>
    reads(stage).map((from) => `  ${JSON.stringify(from)} -> ${JSON.stringify(stage.name)};`),
  );
  return `digraph {\n  node [shape=box];\n${[...nodes, ...edges].join('\n')}\n}\n`;
}

function text(stages: readonly PlannedStage[]): string {
  const width = Math.max(...stages.map(({ name }) => name.length));
  const lines = stages.map((stage) => {
    const mark = stage.status === 'run' ? paint('yellow', '●') : paint('green', '✓');
    const from = reads(stage);
    return `  ${mark} ${escapeForTerminal(stage.name).padEnd(width)}  ${stage.kind.kind}${from.length > 0 ? paint('dim', `  ← ${from.map(escapeForTerminal).join(', ')}`) : ''}`;
  });
  return `${lines.join('\n')}\n`;
}
