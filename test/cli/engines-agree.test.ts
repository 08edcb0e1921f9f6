/** The quickstart with every engine that is usable here: the same features to 1e-4, the same log-loss to 1e-3. */
import { appendFileSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAdapters } from '../../src/engines/index.ts';
import { decodeNpy } from '../../src/files/npy.ts';
import { CliRig, finished, type LastLine } from '../cli-rig.ts';
import { softwareVulkan } from '../contracts/software-vulkan.ts';

interface Row {
  readonly engine: 'ort' | 'tfjs-node' | 'tfjs-node-gpu';
  readonly device: 'cpu' | 'webgpu';
  readonly missing: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** What makes the pipeline small enough for an emulated GPU. */
  readonly smaller: readonly string[];
}

const vulkan = softwareVulkan();
const home = process.env['PIPE_HOME'];
const rows: readonly Row[] = [
  ...(await Promise.all(
    (['tfjs-node', 'tfjs-node-gpu'] as const).map(async (engine): Promise<Row> => {
      const found = await engineAdapters.find(({ id }) => id === engine)?.probe();
      const missing = found?.usable ? undefined : found?.reason;
      return { engine, device: 'cpu', missing, environment: home ? { PIPE_HOME: home } : {}, smaller: [] };
    }),
  )),
  {
    engine: 'ort',
    device: 'webgpu',
    missing: vulkan ? undefined : 'no Vulkan driver',
    environment: vulkan ?? {},
    smaller: ['features.layer=block1_pool', 'features.pooling=average', 'head.epochs=3'],
  },
];

let rig: CliRig;
beforeAll(() => {
  rig = CliRig.quickstart();
  appendFileSync(
    rig.path('pipelines/quickstart.yaml'),
    '  table: { kind: export-features, from: features, with: { format: npy } }\n',
  );
});
afterAll(() => rig[Symbol.dispose]());

interface Outcome {
  readonly features: Float32Array;
  readonly logLoss: number;
}

async function outcomeOf({ engine, device, environment, smaller }: Row): Promise<Outcome> {
  if (smaller.length > 0) {
    const csv = readFileSync(rig.path('data-examples/digits/train.csv'), 'utf8').split('\n');
    rig.write('data-examples/digits/train.csv', `${csv.slice(0, 61).join('\n')}\n`);
    rig.write(
      'data-examples/digits/test.csv',
      `${rig.read('data-examples/digits/test.csv').split('\n').slice(0, 4).join('\n')}\n`,
    );
  }
  const settings = smaller.flatMap((setting) => ['--set', setting]);
  const given = ['--no-cache', '--json', '--engine', engine, '--device', device, ...settings];
  const { stdout, stderr, code } = await finished(rig.start(['run', 'quickstart', ...given], environment));
  expect(code, stderr).toBe(0);
  const last: LastLine = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  const logLoss = last.metrics['score']?.['log-loss'] ?? Number.NaN;
  return { features: decodeNpy(readFileSync(rig.path('results/quickstart/features.npy'))).numbers, logLoss };
}

describe.each(rows)('$engine on $device', (row) => {
  const { missing } = row;
  it.skipIf(missing !== undefined)(
    `agrees with ort on cpu${missing ? ` (skipped: ${missing})` : ''}`,
    async () => {
      const reference = await outcomeOf({ ...row, engine: 'ort', device: 'cpu' });
      const { features, logLoss } = await outcomeOf(row);
      const largest = reference.features.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const apart = features.reduce((most, x, i) => Math.max(most, Math.abs(x - (reference.features[i] ?? 0))), 0);
      expect(largest).toBeGreaterThan(0);
      expect(features).toHaveLength(reference.features.length);
      expect(apart / largest).toBeLessThan(1e-4);
      expect(Math.abs(logLoss - reference.logLoss)).toBeLessThan(1e-3);
    },
    150_000,
  );
});
