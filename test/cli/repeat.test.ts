/** Repeated seeds and k-fold cross-validation, told with mean and standard deviation. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CliRig, type LastLine } from '../cli-rig.ts';

interface Repeats {
  readonly repeats: Readonly<
    Record<string, Readonly<Record<string, { mean: number; deviation: number; runs: number }>>>
  >;
}

async function run(rig: CliRig, yaml: string): Promise<LastLine & Repeats> {
  rig.write('pipelines/repeated.yaml', `extends: quickstart.yaml\nstages:\n${yaml}\n`);
  const { stdout, stderr } = await rig.run('run', 'repeated', 'score', '--json');
  const text = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!text.includes('succeeded')) throw new Error(`${stdout}${stderr}`);
  const last: LastLine & Repeats = JSON.parse(text);
  return last;
}

it('repeats a head with seeds counted up, each as a run with that seed would be', async () => {
  using rig = CliRig.quickstart();
  const last = await run(rig, '  split: { with: { seed: 7 } }\n  head: { repeat: 2, with: { epochs: 2 } }');
  const losses = [last.metrics['score@42']?.['log-loss'] ?? 0, last.metrics['score@43']?.['log-loss'] ?? 0];
  expect(losses[0]).not.toBe(losses[1]);
  const mean = (losses[0] ?? 0) / 2 + (losses[1] ?? 0) / 2;
  const told = last.repeats['score']?.['log-loss'];
  expect(told?.mean).toBeCloseTo(mean, 12);
  expect(told?.deviation).toBeCloseTo(Math.abs((losses[0] ?? 0) - (losses[1] ?? 0)) / Math.SQRT2, 12);
  const alone = await rig.last(
    'run',
    'quickstart',
    '--set',
    'split.seed=7',
    '--set',
    'seed=43',
    '--set',
    'head.epochs=2',
    'score',
  );
  expect(alone.metrics['score']).toEqual(last.metrics['score@43']);
});

it('puts every labelled row into the validation split of exactly one fold', async () => {
  using rig = CliRig.quickstart();
  const last = await run(
    rig,
    [
      '  split: { matrix: { fold: [1, 2, 3] }, with: { validation: 0, folds: 3, fold: "${matrix.fold}" } }',
      '  head: { with: { epochs: 1 } }',
      '  rows: { kind: predict, from: { model: head, data: features }, with: { on: validation, file: "fold-${matrix.fold}.csv" } }',
    ].join('\n'),
  );
  expect(last.repeats['score']?.['accuracy']?.runs).toBe(3);
  await rig.run('run', 'repeated', 'rows');
  const names = [1, 2, 3].flatMap((fold) =>
    readFileSync(rig.path(`results/quickstart/fold-${fold}.csv`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[0]),
  );
  expect(names).toHaveLength(300);
  expect(new Set(names).size).toBe(300);
});
