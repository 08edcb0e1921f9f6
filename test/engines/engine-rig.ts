/** A small project, and packages in the shared folder that stand in for engines that are not installed. */
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CliResult, CliRig, finished } from '../cli-rig.ts';

const STAND_IN = fileURLToPath(new URL('stand-in.cjs', import.meta.url));

export type Installed = 'tfjs-node' | 'tfjs-node-gpu';

/** What the stand-in is to do wrong, see there. */
export interface Fault {
  readonly idle?: boolean;
  readonly say?: string;
  readonly kernel?: string;
  readonly at?: number;
  readonly rows?: number;
  readonly do?: string;
}

export interface Diagnosed {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly help?: string;
  readonly location?: { readonly line: number };
}

export class EngineRig {
  readonly cli = CliRig.quickstart();
  readonly standIn = STAND_IN;

  /** The quickstart on 60 images and one block of its network, and beside it a branch that does without it. */
  constructor() {
    const keep = (name: string, rows: number) =>
      this.cli.write(
        name,
        `${this.cli
          .read(name)
          .split('\n')
          .slice(0, rows + 1)
          .join('\n')}\n`,
      );
    keep('data-examples/digits/train.csv', 60);
    keep('data-examples/digits/test.csv', 3);
    appendFileSync(
      this.cli.path('pipelines/quickstart.yaml'),
      [
        '  beside: { kind: train-network, from: images, with: { layers: [flatten, dense: { units: 8 }], epochs: 1 } }',
        '  beside-score: { kind: evaluate, from: { model: beside, data: images }, with: { on: validation } }',
        '',
      ].join('\n'),
    );
  }

  /** A package where `pipe engines install` would put it. @param code its main file; the stand-in by default */
  install(id: Installed, code = `require(${JSON.stringify(STAND_IN)});`): string {
    const folder = `home/engines/${id}/node_modules/@tensorflow/${id}`;
    this.cli.write(`${folder}/package.json`, JSON.stringify({ name: id, version: '4.22.0', main: 'index.js' }));
    this.cli.write(`${folder}/index.js`, code);
    return folder;
  }

  pipe(given: readonly string[], fault: Fault = {}, environment: Readonly<Record<string, string>> = {}) {
    return finished(this.cli.start(given, { FAULT: JSON.stringify(fault), ...environment }));
  }

  /** A run of the small pipeline with `--json`. */
  run(given: readonly string[], fault: Fault = {}, environment: Readonly<Record<string, string>> = {}) {
    const small = ['features.layer=block1_pool', 'features.pooling=average', 'head.epochs=2'];
    const settings = small.flatMap((setting) => ['--set', setting]);
    return this.pipe(['run', 'quickstart', '--json', ...settings, ...given], fault, environment);
  }

  [Symbol.dispose](): void {
    this.cli[Symbol.dispose]();
  }
}

/** What was told of a kind, errors and warnings, in order. */
export function diagnosed({ stdout }: CliResult, code: string): readonly Diagnosed[] {
  const found: Diagnosed[] = [];
  for (const line of stdout.split('\n').filter((text) => text.startsWith('{') || text.startsWith('[')))
    JSON.parse(line, (_, value: unknown) => {
      if (isDiagnosed(value) && value.code === code) found.push(value);
      return value;
    });
  return found;
}

function isDiagnosed(value: unknown): value is Diagnosed {
  return typeof value === 'object' && value !== null && 'code' in value && 'severity' in value && 'message' in value;
}
