/** A project in a temporary folder, and the built command line run in it as a real process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('..', import.meta.url));
export const cli = join(repository, 'dist', 'cli.cjs');

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stdout as JSON. */
  json(): readonly Record<string, unknown>[];
}

/** The last event of a run. */
export interface LastLine {
  readonly outcome: string;
  readonly exitCode: number;
  readonly stages: Readonly<
    Record<
      string,
      {
        readonly status: string;
        readonly fingerprint: string;
        readonly reason: { readonly type: string };
        readonly rows?: { readonly total: number; readonly computed: number; readonly cached: number };
      }
    >
  >;
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly artifacts: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export class CliRig {
  readonly folder: string;

  constructor(folder?: string) {
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'pipe-test-'));
    if (folder === undefined) writeFileSync(join(this.folder, 'package.json'), '{}');
  }

  /** A project with the quickstart's files; its data is a copy that a test may change. */
  static quickstart(): CliRig {
    const rig = new CliRig();
    mkdirSync(rig.path('pipelines'));
    for (const name of ['quickstart.yaml', 'quickstart-compare.yaml'])
      cpSync(join(repository, 'pipelines', name), rig.path(`pipelines/${name}`));
    cpSync(join(repository, 'data-examples/digits'), rig.path('data-examples/digits'), { recursive: true });
    return rig;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** @param input what the process reads from stdin */
  start(args: readonly string[], environment: Readonly<Record<string, string>> = {}, input?: string): ChildProcess {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: this.folder,
      env: { ...process.env, CI: 'true', NO_COLOR: '1', PIPE_HOME: this.path('home'), PIPE_CACHE: '', ...environment },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    child.stdin?.end(input);
    return child;
  }

  run(...args: readonly string[]): Promise<CliResult> {
    return finished(this.start(args));
  }

  /** Runs with `--json` and reads the last line. */
  async last(...args: readonly string[]): Promise<LastLine> {
    const { stdout, stderr } = await this.run(...args, '--json');
    const line = stdout.trimEnd().split('\n').at(-1) ?? '';
    if (line === '') throw new Error(`no output: ${stderr}`);
    const last: LastLine = JSON.parse(line);
    return last;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function finished(child: ChildProcess): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({
        code,
        stdout,
        stderr,
        json: () =>
          stdout
            .trimEnd()
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line)),
      });
    });
  });
}

/** Resolves when the child has printed its n-th event of a kind. */
export function eventSeen(child: ChildProcess, event: string, count = 1): Promise<void> {
  let seen = 0;
  let rest = '';
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer | string) => {
      rest += String(chunk);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.includes(`"event":"${event}"`) && ++seen === count) resolve();
    });
    child.on('close', () => reject(new Error(`ended before the ${count}. ${event}`)));
  });
}
