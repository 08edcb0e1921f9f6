/** The programs that an installation calls, and what they said when one failed. */
import { spawn } from 'node:child_process';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';

export interface Tools {
  readonly npm: string;
  readonly python: string;
  readonly compiler: string;
}

/** A program, how it is asked whether it is there, and the Debian package that brings it. */
interface Need {
  readonly shown: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly debian: string;
}

/** Every tool that is wanted, or all that are missing at once. `CXX` and `PYTHON` name others than g++ and python3. */
export async function findTools(
  wanted: readonly (keyof Tools)[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Result<Tools, Diagnostic>> {
  if (`${process.platform} ${process.arch}` !== 'linux x64')
    return err(
      problem('E004', `engines are built on Linux x86-64, and this is ${process.platform} ${process.arch}`, {
        help: 'install the npm package in your project (`npm install @tensorflow/tfjs-node`), or stay with ort, which runs everywhere',
      }),
    );
  const tools: Tools = {
    npm: 'npm',
    python: environment['PYTHON'] || 'python3',
    compiler: environment['CXX'] || 'g++',
  };
  const needs: Readonly<Record<keyof Tools, readonly Need[]>> = {
    npm: [{ shown: 'npm', command: tools.npm, arguments: ['--version'], debian: 'npm' }],
    python: [
      { shown: tools.python, command: tools.python, arguments: ['--version'], debian: 'python3' },
      {
        shown: `pip of ${tools.python}`,
        command: tools.python,
        arguments: ['-m', 'pip', '--version'],
        debian: 'python3-pip',
      },
    ],
    compiler: [{ shown: tools.compiler, command: tools.compiler, arguments: ['--version'], debian: 'g++' }],
  };
  const missing: Need[] = [];
  for (const need of wanted.flatMap((name) => needs[name])) {
    const found = await runTool(need.command, need.arguments, { environment });
    if (!found.ok) missing.push(need);
  }
  if (missing.length === 0) return ok(tools);
  return err(
    problem('E004', `to build an engine there is missing: ${missing.map(({ shown }) => shown).join(', ')}`, {
      help: `on Debian and Ubuntu: apt-get install ${missing.map(({ debian }) => debian).join(' ')}; CXX and PYTHON name other compilers and Pythons`,
    }),
  );
}

export interface ToolOptions {
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/** Characters of output that are kept. */
const KEPT = 64_000;

/** Resolves to what the program wrote, or to E005 with the last of it. */
export function runTool(
  command: string,
  given: readonly string[],
  { folder, environment = process.env, signal }: ToolOptions = {},
): Promise<Result<string, Diagnostic>> {
  return new Promise((resolve) => {
    const child = spawn(command, [...given], {
      ...(folder !== undefined && { cwd: folder }),
      ...(signal && { signal }),
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let said = '';
    const keep = (text: string) => {
      said = (said + text).slice(-KEPT);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const failed = (why: string) => {
      const last = said.trim().split('\n').slice(-6).join('\n');
      resolve(err(problem('E005', `${command} ${given[0] ?? ''} ${why}${last && `:\n${last}`}`, { help: HELP })));
    };
    child.on('error', (error) => failed(`cannot be run: ${error.message}`));
    child.on('close', (code, ended) => {
      if (code === 0) resolve(ok(said));
      else failed(ended ? `was ended by ${ended}` : `ended with code ${code}`);
    });
  });
}

const HELP =
  'nothing was put in place; npm and pip use the registries and proxies that they are set to, and `pip config list`, `npm config list` show them';
