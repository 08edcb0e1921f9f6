/** Runs handed to other tools: TensorBoard, DVC, MLflow. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CliRig } from '../cli-rig.ts';
import { gitIn } from '../git-rig.ts';

/** A command of this machine, or of the virtual environment that PIPE_TEST_PYTHON names. */
function commandPath(name: string): string | undefined {
  const folders = [process.env['PIPE_TEST_PYTHON'], ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.flatMap((folder) => (folder ? [join(folder, name)] : [])).find(existsSync);
}
const mlflow = commandPath('mlflow');
const dvc = commandPath('dvc');

let rig: CliRig;
beforeAll(async () => {
  rig = CliRig.quickstart();
  await rig.run('run', 'quickstart', '--set', 'head.epochs=2', '--tensorboard', 'tb', '--dvc', 'dvc');
}, 60_000);
afterAll(() => rig[Symbol.dispose]());

describe('--tensorboard', () => {
  it('writes an event file a run, also of past ones', async () => {
    const [run = ''] = readdirSync(rig.path('tb'));
    expect(readdirSync(rig.path(`tb/${run}`))).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d+\.pipe$/)]);
    const { code } = await rig.run('show', run, '--tensorboard', 'later');
    expect(code).toBe(0);
    const [name = ''] = readdirSync(rig.path(`tb/${run}`));
    expect(rig.read(`later/${run}/${name}`)).toBe(rig.read(`tb/${run}/${name}`));
  });

  it('fails with exit code 7 where nothing can be written, the run being kept', async () => {
    rig.write('file', '');
    const last = await rig.last('run', 'quickstart', '--set', 'head.epochs=2', '--tensorboard', 'file');
    expect(last).toMatchObject({ outcome: 'failed', exitCode: 7 });
    expect((await rig.run('runs')).stdout.split('\n').length).toBeGreaterThan(2);
  });
});

describe('--dvc', () => {
  it('writes settings, metrics and curves, and leaves a dvc.yaml alone', async () => {
    expect(parse(rig.read('dvc/params.yaml'))).toMatchObject({ head: { epochs: 2, batch: 32 } });
    expect(JSON.parse(rig.read('dvc/metrics.json'))).toMatchObject({ score: { accuracy: expect.any(Number) } });
    expect(rig.read('dvc/plots/head.csv')).toMatch(/^epoch,loss,[\w,-]+\n1,\d.*\n2,\d.*\n$/);
    expect(parse(rig.read('dvc/dvc.yaml'))).toMatchObject({ metrics: ['metrics.json'], params: ['params.yaml'] });
    rig.write('dvc/dvc.yaml', '# mine\n');
    await rig.run('show', '@last', '--dvc', 'dvc');
    expect(rig.read('dvc/dvc.yaml')).toBe('# mine\n');
  });

  it.skipIf(!dvc)(
    'is read by DVC itself (needs the dvc command)',
    async () => {
      if (!dvc) return;
      await rig.run('show', '@last', '--dvc', 'read');
      gitIn(rig.path('read'))('init', '-q');
      const call = (...args: readonly string[]) =>
        execFileSync(dvc, [...args], { cwd: rig.path('read'), encoding: 'utf8', stdio: 'pipe' });
      call('init', '-q');
      expect(
        JSON.parse(call('metrics', 'show', '--json'))['']['data']['metrics.json']['data']['score']['accuracy'],
      ).toBeGreaterThan(0);
      expect(call('plots', 'show')).toContain('index.html');
    },
    60_000,
  );
});

/** What the test reads of MLflow's answers. */
interface Answer {
  readonly experiments: readonly { readonly experiment_id: string }[];
  readonly runs: readonly {
    readonly info: { readonly status: string };
    readonly data: {
      readonly params: readonly object[];
      readonly metrics: readonly object[];
      readonly tags: readonly object[];
    };
  }[];
}

async function freePort(): Promise<number> {
  const server = createSocket();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function portOf(address: string | AddressInfo | null): number {
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

describe('--mlflow', () => {
  it.skipIf(!mlflow)(
    'sends parameters, metrics and curves to a real server (needs the mlflow command)',
    async () => {
      if (!mlflow) return;
      const port = await freePort();
      const store = `sqlite:///${rig.path('mlflow.db')}`;
      const server: ChildProcess = spawn(
        mlflow,
        [
          'server',
          '--host',
          '127.0.0.1',
          '--port',
          String(port),
          '--workers',
          '1',
          '--backend-store-uri',
          store,
          '--default-artifact-root',
          rig.path('artifacts'),
        ],
        {
          stdio: 'ignore',
          detached: true,
        },
      );
      try {
        const url = `http://127.0.0.1:${port}`;
        await expect
          .poll(
            () =>
              fetch(`${url}/health`).then(
                ({ status }) => status,
                () => 0,
              ),
            { timeout: 100_000, interval: 500 },
          )
          .toBe(200);
        const { code, stderr } = await rig.run('run', 'quickstart', '--set', 'head.epochs=2', '--mlflow', url);
        expect(stderr).toBe('');
        expect(code).toBe(0);
        const ask = async (path: string, body: object) => {
          const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          });
          const answer: Answer = JSON.parse(await response.text());
          return answer;
        };
        const { experiments } = await ask('experiments/search', { max_results: 10, filter: "name = 'quickstart'" });
        const { runs } = await ask('runs/search', { experiment_ids: [experiments[0]?.experiment_id] });
        expect(runs).toHaveLength(1);
        const [run] = runs;
        const data = run?.data;
        expect(run?.info.status).toBe('FINISHED');
        expect(data?.params).toContainEqual({ key: 'head.epochs', value: '2' });
        expect(data?.metrics).toContainEqual(expect.objectContaining({ key: 'head.loss', step: 2 }));
        expect(data?.metrics).toContainEqual(expect.objectContaining({ key: 'score.accuracy' }));
        expect(data?.tags).toContainEqual({ key: 'pipe.set', value: 'head.epochs=2' });
        // A second run goes into the same experiment.
        expect((await rig.run('show', '@last', '--mlflow', url)).code).toBe(0);
        expect((await ask('runs/search', { experiment_ids: [experiments[0]?.experiment_id] })).runs).toHaveLength(2);
      } finally {
        if (server.pid) process.kill(-server.pid);
      }
    },
    150_000,
  );

  it('says so where a server refuses, is not there, or is none; credentials stay hidden', async () => {
    const credentials: (string | undefined)[] = [];
    const server: Server = createServer((request, response) => {
      credentials.push(request.headers.authorization);
      response.writeHead(request.url?.includes('get-by-name') ? 404 : 403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: 'not yours' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = portOf(server.address());
    const refused = await rig.run(
      'run',
      'quickstart',
      '--set',
      'head.epochs=2',
      '--mlflow',
      `http://me:secret@127.0.0.1:${port}`,
    );
    expect(refused.stderr).not.toContain('secret');
    expect(credentials[0]).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`);
    expect(refused.code).toBe(6);
    const forbidden = await rig.run(
      'run',
      'quickstart',
      '--set',
      'head.epochs=2',
      '--mlflow',
      `http://127.0.0.1:${port}`,
    );
    expect(forbidden.stderr).toContain('error[T001]');
    expect(forbidden.stderr).toContain('experiments/create gave 403 not yours');
    expect(forbidden.code).toBe(6);
    await new Promise((resolve) => server.close(resolve));
    const gone = await rig.run('show', '@last', '--mlflow', `http://127.0.0.1:${port}`);
    expect(gone.stderr).toContain('error[T001]');
    expect(gone.code).toBe(6);
    expect((await rig.run('show', '@last', '--mlflow', 'somewhere')).code).toBe(2);
  }, 30_000);
});
