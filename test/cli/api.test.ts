/** The built API, imported by a program of somebody else. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { CliRig, repository } from '../cli-rig.ts';

it('runs, sweeps and plans as the command line does, and gives values', async () => {
  using rig = CliRig.quickstart();
  rig.write(
    'program.mjs',
    `import { planPipeline, runPipeline, sweepPipeline } from ${JSON.stringify(`${repository}dist/index.js`)};
const set = ['head.epochs=2'];
const run = await runPipeline('quickstart', { set });
const swept = await sweepPipeline('quickstart', { over: ['head.epochs=1,2'] });
const wrong = await planPipeline('quickstart', { set: ['hed.epochs=2'] });
const plan = await planPipeline('quickstart', { set });
console.log(JSON.stringify({
  metrics: run.ok && run.value.metrics.score,
  trials: swept.ok && swept.value.trials.map(({ settings, metrics }) => [settings[0].value, metrics]),
  wrong: !wrong.ok && wrong.error[0].code,
  cached: plan.ok && plan.value.plan.stages.every(({ status }) => status === 'cached'),
}));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: rig.folder });
  const last = await rig.last('run', 'quickstart', '--set', 'head.epochs=2');
  const said: Record<string, unknown> = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(said['metrics']).toEqual(last.metrics['score']);
  expect(said['trials']).toContainEqual([2, last.metrics['score']]);
  expect(said).toMatchObject({ wrong: 'U003', cached: true });
});
