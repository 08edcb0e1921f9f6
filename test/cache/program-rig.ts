/** Runs test programs in processes of their own, bundled on the fly, with faults in the file system. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const preload = new URL('./faults/preload.mjs', import.meta.url).href;

export interface Fault {
  readonly below?: string;
  readonly at?: number;
  readonly bytes?: number;
  readonly do?: string;
  readonly once?: boolean;
  readonly reads?: string;
  readonly path?: string;
  readonly lockless?: boolean;
  readonly clockMs?: number;
  readonly count?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly fault?: Fault;
  /** User and group that the program runs as; needs root. */
  readonly user?: number;
  /** A shell command that goes before, such as `ulimit -n 40`. */
  readonly shell?: string;
  /** Called with the process while it runs. */
  readonly onStart?: (child: ReturnType<typeof execFile>) => void;
}

export class ProgramRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'cache-program-'));
  #runs = 0;

  /** Bundles a program of this folder. @returns its path. */
  async bundle(name: string): Promise<string> {
    const outfile = join(this.folder, `${basename(name, '.ts')}.mjs`);
    const entry = fileURLToPath(new URL(`./programs/${name}`, import.meta.url));
    await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile,
      logLevel: 'error',
    });
    return outfile;
  }

  /** A folder for one cache, not there yet. */
  freshCache(): string {
    return join(this.folder, `run-${this.#runs++}`, 'cache');
  }

  run(program: string, args: readonly string[], { fault, user, shell, onStart }: RunOptions = {}): Promise<Ended> {
    const words = [...(fault ? ['--import', preload] : []), program, ...args];
    const [file, given] = shell
      ? ['sh', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ...words]]
      : [process.execPath, words];
    return new Promise((resolve) => {
      const child = execFile(
        file,
        given,
        {
          env: { ...process.env, FAULT: JSON.stringify(fault ?? {}) },
          ...(user !== undefined && { uid: user, gid: user }),
        },
        (_, stdout, stderr) => resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr }),
      );
      onStart?.(child);
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
