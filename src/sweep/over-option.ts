/** `--over head.batch=64,128` and `--over 'head.rate=loguniform(1e-4,1e-2)'`, as the block of a file would say it. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';
import { isJsonArray } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';

const distributions: Readonly<Record<string, string>> = {
  uniform: 'uniform',
  loguniform: 'logUniform',
  integer: 'integer',
  int: 'integer',
  loginteger: 'logInteger',
  choice: 'choice',
};

/** The path and what is under it. */
export async function readOver(words: string): Promise<Result<readonly [string, Json], Diagnostic>> {
  const sign = words.indexOf('=');
  const path = words.slice(0, sign).trim();
  const refuse = (why: string) =>
    err(problem('U002', `--over ${words}: ${why}`, { help: 'for example --over head.batch=64,128' }));
  if (sign < 1) return refuse('it takes PATH=VALUES');
  const text = words.slice(sign + 1).trim();
  const called = /^([a-z-]+)\((.*)\)$/is.exec(text);
  const name = called && distributions[(called[1] ?? '').toLowerCase().replaceAll('-', '')];
  if (called && !name)
    return refuse(`there is no distribution "${called[1]}"; there are ${Object.keys(distributions).join(', ')}`);
  const { parse } = await import('yaml');
  try {
    const list: unknown = parse(`[${called ? called[2] : text}]`);
    const parted: Json = JSON.parse(JSON.stringify(list));
    // One list in brackets is the list of values; otherwise commas part them.
    const [only] = isJsonArray(parted) && parted.length === 1 ? parted : [];
    const values = only !== undefined && isJsonArray(only) ? only : parted;
    if (!isJsonArray(values) || values.length === 0) return refuse('there are no values');
    return ok([path, name ? { [name]: values } : values]);
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return refuse(`the values cannot be read: ${why.replace(/ at line \d+, column \d+:?$/, '')}`);
  }
}
