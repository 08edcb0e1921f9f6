/** `--write FILE`: a copy of the pipeline file with the settings of the best trial in place. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { canonicalJson, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { CacheWriteError } from '../files/write-error.ts';
import { bestFile } from '../sweep/best-file.ts';
import type { Setting } from '../sweep/space.ts';
import { ranked, type TrialResult } from '../sweep/trial-result.ts';
import { openPipeline } from './compose.ts';

export interface SweptFile {
  readonly file: string;
  /** Settings that `--set` gave all trials. */
  readonly overrides: Readonly<Record<string, Json>>;
  readonly trials: readonly TrialResult[];
}

export interface Written {
  readonly path: string;
  readonly trial: number;
}

/** A bare name lies beside the pipeline file: the relative paths in it stay right there. */
export async function writeBest(
  { file, overrides, trials }: SweptFile,
  name: string,
): Promise<Result<Written, readonly Diagnostic[]>> {
  const path = name === basename(name) ? join(dirname(file), name) : name;
  if (resolve(path) === resolve(file))
    return err([
      problem('U006', `--write ${name} would replace the pipeline file itself, and with it its \`sweep:\` block`, {
        help: 'name another file: the trials are kept, so the same command is done at once',
      }),
    ]);
  const [best] = ranked(trials);
  if (!best || Number.isNaN(best.score)) return err([problem('S080', 'no trial gave a number, so none is the best')]);
  const own = best.settings.map((setting) => setting.path);
  const given = Object.entries(overrides).map(([at, value]): Setting => ({ path: at, value }));
  const settings = [...given.filter((setting) => !own.includes(setting.path)), ...best.settings];
  const words = settings.map((setting) => `${setting.path}=${JSON.stringify(setting.value)}`);
  const before = existsSync(path) ? readFileSync(path) : undefined;
  try {
    writeFileAtomically(path, await bestFile(readFileSync(file, 'utf8'), settings));
    if (await isSame(file, words, path)) return ok({ path, trial: best.trial });
    if (before) writeFileAtomically(path, before);
    else rmSync(path, { force: true });
  } catch (error) {
    if (!(error instanceof CacheWriteError)) throw error;
    return err([problem('K001', error.message, { help: 'write it to another folder' })]);
  }
  return err([
    problem('S081', `the settings of trial ${best.trial} cannot be put into a copy of ${basename(file)}`, {
      help: `run ${words.map((word) => `--set '${word}'`).join(' ')}`,
    }),
  ]);
}

/** Whether a file is the pipeline that another one is with some settings changed. */
async function isSame(file: string, set: readonly string[], copy: string): Promise<boolean> {
  const one = await openPipeline(file, { set });
  const other = await openPipeline(copy, {});
  if (!one.ok || !other.ok) return false;
  const told = ({ config: { seed, stages } }: typeof one.value) =>
    canonicalJson([seed, stages.map((stage) => [stage.name, stage.seed ?? null, stage.with])]);
  return told(one.value) === told(other.value);
}
