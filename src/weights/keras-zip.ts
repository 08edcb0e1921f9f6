/** The `.keras` format of Keras 3: a zip of `config.json`, `metadata.json` and `model.weights.h5`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';

const CONFIG = 'config.json';
const WEIGHTS = 'model.weights.h5';
/** A member that unpacks to more than this many times its stored size is a bomb; weights hardly shrink at all. */
const MOST_EXPANSION = 100;
const MOST_MEMBERS = 1000;

export interface KerasZip {
  /** JSON of the architecture. */
  readonly modelConfig: string;
  /** The weights in a temporary file of ours. */
  readonly weightsPath: string;
  /** Removes the temporary file. */
  discard(): void;
}

/** Unpacks the two members that are needed; no member's name ever becomes a path. */
export async function openKerasZip(path: string, shownAs = path): Promise<Result<KerasZip, Diagnostic>> {
  const { unzipSync } = await import('fflate');
  const names: string[] = [];
  let refused: string | undefined;
  let members: Readonly<Record<string, Uint8Array>>;
  try {
    members = unzipSync(readFileSync(path), {
      filter: ({ name, size, originalSize }) => {
        names.push(name);
        refused ??= refusalOf(name, size, originalSize, names.length);
        return refused === undefined && (name === CONFIG || name === WEIGHTS);
      },
    });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return err(problem('M007', `${shownAs} is no .keras file, or is damaged (${detail})`));
  }
  if (refused !== undefined) return err(problem('M009', `${shownAs} ${refused}`));
  const config = members[CONFIG];
  const weights = members[WEIGHTS];
  if (!config || !weights) {
    return err(problem('M007', `${shownAs} is no .keras file: it lacks ${config ? WEIGHTS : CONFIG}`));
  }
  const folder = mkdtempSync(join(tmpdir(), 'pipe-keras-'));
  const weightsPath = join(folder, WEIGHTS);
  writeFileSync(weightsPath, weights);
  return ok({
    modelConfig: new TextDecoder().decode(config),
    weightsPath,
    discard: () => rmSync(folder, { recursive: true, force: true }),
  });
}

function refusalOf(name: string, stored: number, unpacked: number, count: number): string | undefined {
  if (count > MOST_MEMBERS) return `holds more than ${MOST_MEMBERS} members`;
  if (/^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(name))
    return `holds a member that points out of it, ${JSON.stringify(name)}`;
  if (unpacked > Math.max(1_000_000, stored * MOST_EXPANSION)) {
    return `holds a member of ${stored} bytes that claims to unpack to ${unpacked}, ${JSON.stringify(name)}`;
  }
  return undefined;
}
