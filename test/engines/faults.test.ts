/** What goes wrong with an engine, on a stand-in of tfjs-node in the process that the real one would have. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageFolder } from '../../src/engines/ort/ort-adapter.ts';
import type { CliResult, LastLine } from '../cli-rig.ts';
import { diagnosed, EngineRig } from './engine-rig.ts';

let rig: EngineRig;
beforeEach(() => {
  rig = new EngineRig();
});
afterEach(() => rig[Symbol.dispose]());

const onTfjs = ['--engine', 'tfjs-node'];

function last({ stdout }: CliResult): LastLine {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

function statuses(result: CliResult): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(last(result).stages).map(([name, { status }]) => [name, status]));
}

describe('an engine that is not there', () => {
  it('is refused with the command that installs it, and never replaced', async () => {
    const result = await rig.run(onTfjs);
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E001')).toMatchObject([
      { severity: 'error', help: expect.stringContaining('pipe engines install tfjs-node') },
    ]);
    expect(statuses(result)).toMatchObject({ images: 'ran', features: 'failed', head: 'skipped' });
  });

  it('is not missed where everything is cached', async () => {
    expect((await rig.run([])).code).toBe(0);
    const result = await rig.run(onTfjs);
    expect(result.code).toBe(0);
    expect(new Set(Object.values(statuses(result)))).toEqual(new Set(['cached']));
  });
});

describe('a binding', () => {
  const native = 'lib/tfjs_binding.node';
  const refused = async () => {
    const result = await rig.run(onTfjs);
    expect(result.code).toBe(6);
    const [problem] = diagnosed(result, 'E006');
    expect(problem?.help).toContain('pipe engines install tfjs-node');
    return problem?.message;
  };
  const installed = (put: (path: string) => void) => {
    const path = rig.cli.path(join(rig.install('tfjs-node', `require('./${native}');`), native));
    mkdirSync(dirname(path));
    put(path);
  };
  const compiled = (code: string, ...flags: string[]) =>
    installed((path) => {
      const { status, stderr } = spawnSync('cc', ['-x', 'c', '-shared', '-fPIC', ...flags, '-o', path, '-'], {
        input: code,
        encoding: 'utf8',
      });
      expect(status, stderr).toBe(0);
    });
  const noCompiler = process.platform !== 'linux' || spawnSync('cc', ['--version']).status !== 0;

  it('that was never built', async () => {
    installed(() => {});
    expect(await refused()).toContain('the native part of tfjs-node was never built or downloaded');
  });

  it('that is no library', async () => {
    installed((path) => writeFileSync(path, 'no library, but long enough to have the header of one'.repeat(100)));
    expect(await refused()).toContain('was built for another library or system');
  });

  it.skipIf(process.platform !== 'linux')('for another processor', async () => {
    installed((path) => {
      const elf = readFileSync(
        join(packageFolder() ?? '', 'bin/napi-v6/linux', process.arch, 'onnxruntime_binding.node'),
      );
      // The machine in an ELF header: SPARC.
      elf.writeUInt16LE(43, 18);
      writeFileSync(path, elf);
    });
    expect(await refused()).toContain('was built for another library or system');
  });

  it.skipIf(process.platform !== 'linux')('whose library is not beside it', async () => {
    const name = 'onnxruntime_binding.node';
    installed((path) => copyFileSync(join(packageFolder() ?? '', 'bin/napi-v6/linux', process.arch, name), path));
    expect(await refused()).toContain(
      'was built for another library or system: libonnxruntime.so.1: cannot open shared object file',
    );
  });

  it.skipIf(noCompiler)('for another version of its library', async () => {
    compiled('void TF_Gone(void); __attribute__((constructor)) void begin(void) { TF_Gone(); }', '-Wl,-z,now');
    expect(await refused()).toMatch(/built for another library or system.*undefined symbol: TF_Gone/);
  });

  it.skipIf(noCompiler)('that finds so only when it calls, which ends its process', async () => {
    compiled('void TF_Gone(void); __attribute__((constructor)) void begin(void) { TF_Gone(); }', '-Wl,-z,lazy');
    expect(await refused()).toMatch(/built for another library or system.*undefined symbol: TF_Gone/);
  });

  it.skipIf(noCompiler)("for another version of Node's interface", async () => {
    // `struct node_module` of node.h; its first field is the version.
    compiled(`
      struct module { int version; unsigned flags; void *handle; const char *file; void *begin, *begin_context; const char *name; void *private, *next; };
      void node_module_register(void *);
      static void begin(void) {}
      static struct module module = { 1, 0, 0, "m.c", begin, 0, "m", 0, 0 };
      __attribute__((constructor)) void announce(void) { node_module_register(&module); }
    `);
    expect(await refused()).toContain(`the binding of tfjs-node was built for another Node than ${process.version}`);
  });

  it.skipIf(noCompiler)('that crashes when it is loaded', async () => {
    compiled('#include <signal.h>\n__attribute__((constructor)) void begin(void) { raise(SIGSEGV); }');
    expect(await refused()).toContain('tfjs-node breaks down when it is loaded: its process ended by SIGSEGV');
  });
});

describe('an engine that breaks down', () => {
  beforeEach(() => {
    rig.install('tfjs-node');
  });

  it.each([
    {
      end: 'abort',
      said: 'SIGABRT (F tensorflow/core/framework/tensor.cc:733] Check failed: dtype() == expected_dtype)',
    },
    { end: 'SIGSEGV', said: 'SIGSEGV' },
    { end: 'SIGKILL', said: 'SIGKILL' },
  ])(
    'by $end: the stage and its images are named, the others finish, and the next run goes on',
    async ({ end, said }) => {
      const broken = await rig.run([...onTfjs, '--keep-going'], { kernel: 'Conv2D', at: 1, do: end });
      expect(broken.code).toBe(6);
      const [problem, ...others] = diagnosed(broken, 'E003');
      expect(others).toEqual([]);
      expect(problem?.message).toContain(
        `stage features: the engine tfjs-node on cpu broke down: its process ended by ${said}`,
      );
      expect(problem?.message).toMatch(/while it computed "\d+\.png" to "\d+\.png"$/);
      expect(problem).toMatchObject({ file: expect.stringContaining('quickstart.yaml'), line: expect.any(Number) });
      expect(statuses(broken)).toMatchObject({
        features: 'failed',
        head: 'skipped',
        beside: 'ran',
        'beside-score': 'ran',
      });
      const next = await rig.run(onTfjs);
      expect(next.code).toBe(0);
      expect(statuses(next)).toMatchObject({ features: 'ran', beside: 'cached' });
    },
  );

  it('in a training: the stage is named', async () => {
    // The first product is the one that tries the engine when it is loaded.
    const broken = await rig.run([...onTfjs, '--keep-going'], { kernel: 'BatchMatMul', at: 2, do: 'SIGKILL' });
    expect(diagnosed(broken, 'E003').map(({ message }) => message.split(' broke')[0])).toEqual([
      'stage beside: the engine tfjs-node on cpu',
      'stage head: the engine tfjs-node on cpu',
    ]);
    expect(statuses(broken)).toMatchObject({ features: 'ran', beside: 'failed', head: 'failed' });
  });
});

describe("ort's thread", () => {
  it.each([
    { ends: 'process.exit(134)', said: 'its thread ended with code 134' },
    { ends: "throw new Error('bad node')", said: 'bad node' },
  ])('that ends by $ends: the stage and its images are named, the others finish', async ({ ends, said }) => {
    const preload = rig.cli.write(
      'preload.cjs',
      `const { threadId, parentPort } = require('node:worker_threads');
       if (threadId === 1) {
         const on = parentPort.on.bind(parentPort);
         parentPort.on = (event, listener) => on(event, (calls) => {
           if (calls.some?.(({ request }) => request?.do === 'forward')) ${ends};
           listener(calls);
         });
       }`,
    );
    const given = ['--engine', 'ort', '--keep-going'];
    const broken = await rig.run(given, {}, { NODE_OPTIONS: `--require ${preload}` });
    expect(broken.code).toBe(6);
    expect(diagnosed(broken, 'E003').map(({ message }) => message)).toEqual([
      expect.stringMatching(
        new RegExp(`^stage features: the engine ort on cpu broke down: ${said}, while it computed "\\d+\\.png" to "`),
      ),
    ]);
    expect(statuses(broken)).toMatchObject({ features: 'failed', head: 'skipped', beside: 'ran' });
    expect((await rig.run(['--engine', 'ort'])).code).toBe(0);
  });
});

describe('memory that runs out', () => {
  beforeEach(() => {
    rig.install('tfjs-node');
  });

  it('in a frozen network: half the rows at a time, told once each, and the same result', async () => {
    const whole = await rig.run([...onTfjs, '--no-cache']);
    const halved = await rig.run([...onTfjs, '--no-cache'], { kernel: 'Conv2D', rows: 20 });
    expect(halved.code).toBe(0);
    expect(diagnosed(halved, 'E008').map(({ severity, message }) => [severity, message])).toEqual([
      ['warning', 'the engine tfjs-node on cpu ran out of memory with 63 rows: going on with 32 at a time'],
      ['warning', 'the engine tfjs-node on cpu ran out of memory with 32 rows: going on with 16 at a time'],
    ]);
    expect(last(halved).metrics).toEqual(last(whole).metrics);
  });

  it('with a single row: the image is named', async () => {
    const result = await rig.run(onTfjs, { kernel: 'Conv2D', rows: 0 });
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E008').at(-1)).toMatchObject({
      severity: 'error',
      message: expect.stringMatching(
        /^stage features: .* with a single row: OOM when allocating.* while it computed "/,
      ),
    });
  });

  it('in a training: a batch that is worth trying, and it stays as it is', async () => {
    const result = await rig.run(onTfjs, { kernel: 'BatchMatMul', rows: 20 });
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E008')).toMatchObject([
      { severity: 'error', help: expect.stringMatching(/^set `batch: 64`/) },
    ]);
  });
});
