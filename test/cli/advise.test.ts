/** `pipe advise` through the front door. */
import { expect, it } from 'vitest';
import { CliRig } from '../cli-rig.ts';

it('measures a sample, names the scenario, and writes a pipeline that runs', async () => {
  using rig = CliRig.quickstart();
  const done = await rig.run('advise', 'quickstart', '--write', 'pipelines/advised.yaml', '--json');
  const advice = done.json()[0];
  expect(advice).toMatchObject({ images: 300, classes: 10, perClass: 30, scenario: { name: 'small-similar' } });
  const last = await rig.last('run', 'advised');
  expect(last.outcome).toBe('succeeded');
  expect(last.metrics['advised-score']?.['accuracy']).toBeGreaterThan(0.8);
  // The sample's rows were kept, and are the same features.
  const again = await rig.last('plan', 'quickstart', '--set', 'features.pooling=average');
  expect(again.stages['features']?.rows?.cached).toBe(400);
});

it('ranks networks, the trained one before a random one', async () => {
  using rig = CliRig.quickstart();
  rig.write('pipelines/random.yaml', 'extends: quickstart.yaml\nstages: { features: { with: { weights: random } } }\n');
  const [trained, random] = await Promise.all(
    ['quickstart', 'random'].map(async (name) => JSON.stringify((await rig.run('advise', name, '--json')).json()[0])),
  );
  const gain = (text = '') => Number(/"gain":([-\d.e]+)/.exec(text)?.[1]);
  expect(gain(trained)).toBeGreaterThan(gain(random));
});

it('says what is missing', async () => {
  using rig = CliRig.quickstart();
  rig.write(
    'pipelines/bare.yaml',
    'extends: quickstart.yaml\nstages: { features: null, head: null, score: null, submission: null }\n',
  );
  const done = await rig.run('advise', 'bare');
  expect(done.code).toBe(2);
  expect(done.stderr).toContain('U007');
});
