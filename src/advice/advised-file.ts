/** The pipeline file of a strategy: it extends the file that was asked about, up to its images. */
import type { PipelineConfig } from '../config/pipeline-config.ts';
import type { ScenarioName } from './scenario.ts';

export interface AdvisedFile {
  readonly scenario: ScenarioName;
  /** Name of the network, as people write it. */
  readonly backbone: string;
  /** The stage that prepares the images, and the one that runs them through this very network, where the file has it. */
  readonly images: string;
  readonly features: string | undefined;
  /** How the file that it extends is called from where it will lie. */
  readonly extendsPath: string;
}

export function advisedFile(
  config: PipelineConfig,
  { scenario, backbone, images, features, extendsPath }: AdvisedFile,
): string {
  const kept = upTo(config, scenario === 'small-similar' ? (features ?? images) : images);
  const removed = config.stages
    .map(({ name, matrix }) => matrix?.stage ?? name)
    .filter((name, i, all) => !kept.has(name) && all.indexOf(name) === i);
  const lines = [
    `# Made by \`pipe advise\`: ${scenario.replace('-', ', ')}.`,
    `extends: ${JSON.stringify(extendsPath)}`,
    `pipeline: ${config.name}-advised`,
    'stages:',
    ...removed.map((name) => `  ${name}: null`),
    ...(scenario === 'small-similar'
      ? headLines(backbone, images, features)
      : fineTuneLines(scenario, backbone, images)),
    '',
  ];
  return lines.join('\n');
}

function headLines(backbone: string, images: string, features: string | undefined): readonly string[] {
  const own = `  advised-features: { kind: extract-features, from: ${images}, with: { backbone: ${JSON.stringify(backbone)}, pooling: average } }`;
  const from = features ?? 'advised-features';
  return [
    ...(features === undefined ? [own] : []),
    '  advised-head:',
    '    kind: train-head',
    `    from: ${from}`,
    '    with: { standardize: true, l2: 0.001, epochs: 50, batch: 32, earlyStopping: { patience: 5 } }',
    `  advised-score: { kind: evaluate, from: { model: advised-head, data: ${from} } }`,
  ];
}

function fineTuneLines(scenario: ScenarioName, backbone: string, images: string): readonly string[] {
  const freeze = scenario === 'small-different' ? '{ blocks: 2 }' : 'none';
  const augment =
    scenario === 'small-different'
      ? [`  ${images}: { with: { augment: { flip: horizontal, shift: 0.1, zoom: 0.1 } } }`]
      : [];
  return [
    ...augment,
    '  advised-model:',
    '    kind: fine-tune',
    `    from: ${images}`,
    '    with:',
    `      backbone: ${JSON.stringify(backbone)}`,
    `      freeze: ${freeze}`,
    '      pooling: average',
    '      warmup: 2',
    '      optimizer: { sgd: { learningRate: 0.001, momentum: 0.9, nesterov: true } }',
    '      epochs: 10',
    `  advised-score: { kind: evaluate, from: { model: advised-model, data: ${images} } }`,
  ];
}

function upTo(config: PipelineConfig, stage: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string) => {
    const reached = config.stages.find((candidate) => candidate.name === name);
    if (!reached || found.has(name)) return;
    found.add(name);
    for (const { stage: from } of Object.values(reached.from)) visit(from);
  };
  visit(stage);
  return found;
}
