/** Weights files shared by all projects, in `<home>/weights/`: found, listed, imported, checked. */
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { AtomicFile, writeFileAtomically } from '../files/atomic-file.ts';
import { hashFile } from './hash-file.ts';
import { type CanonicalFile, canonicalFiles, weightsPath } from './registry.ts';

export interface ListedWeights {
  readonly name: string;
  readonly backbone: string;
  readonly alpha: number;
  readonly top: boolean;
  readonly url: string;
  /** Length in bytes, of the file here or as published. */
  readonly bytes: number | undefined;
  readonly md5: string | undefined;
  /** SHA-256 by which a file without a published hash was pinned here. */
  readonly pinned: string | undefined;
  /** Path of the file on this machine, where it is here. */
  readonly path: string | undefined;
}

/** Every file that `imagenet` can mean, and whether it is here. */
export function listWeights(home: string): readonly ListedWeights[] {
  return canonicalFiles.map((file) => {
    const path = weightsPath(home, file.name);
    const stat = statSync(path, { throwIfNoEntry: false });
    return {
      name: file.name,
      backbone: file.backbone,
      alpha: file.alpha,
      top: file.top,
      url: file.url,
      bytes: stat?.size ?? file.bytes,
      md5: file.md5,
      pinned: readPin(home, file.name),
      path: stat && path,
    };
  });
}

/**
 * Imports a file that the user got elsewhere: known by its hash, whatever its name; one without a published hash by its name.
 * @returns the file that it is, and where it lies now
 */
export async function addWeights(
  home: string,
  given: string,
): Promise<Result<{ readonly file: CanonicalFile; readonly path: string }, Diagnostic>> {
  if (!statSync(given, { throwIfNoEntry: false })?.isFile()) return err(problem('M001', `no such file: ${given}`));
  const { md5, sha256 } = await hashFile(given, ['md5', 'sha256']);
  const file =
    canonicalFiles.find((known) => known.md5 === md5) ?? canonicalFiles.find(({ name }) => name === basename(given));
  if (!file) {
    return err(
      problem('M007', `${given} is none of the files that \`pipe weights list\` shows (md5 ${md5})`, {
        help: 'to use a file of your own, name it in the pipeline: `weights: path/to/file.h5`',
      }),
    );
  }
  const checked = checkHash(home, file, given, { md5, sha256 });
  if (!checked.ok) return checked;
  const path = weightsPath(home, file.name);
  const target = new AtomicFile(path);
  try {
    for await (const chunk of createReadStream(given, { highWaterMark: 1 << 20 })) target.write(chunk);
    target.commit();
  } catch (error) {
    target.discard();
    throw error;
  }
  pin(home, file, sha256);
  return ok({ file, path });
}

/** W1: compares a file's hashes with the published one, or with the pin. Nothing has parsed the file before. */
function checkHash(
  home: string,
  file: CanonicalFile,
  path: string,
  hashes: { readonly md5: string; readonly sha256: string },
): Result<undefined, Diagnostic> {
  const [kind, wanted] = file.md5 ? (['md5', file.md5] as const) : (['sha256', readPin(home, file.name)] as const);
  const got = hashes[kind];
  if (wanted === undefined || wanted === got) return ok(undefined);
  return err(wrongHash(path, kind, wanted, got, file.name));
}

/** The diagnostic of bytes that are not the wanted ones. */
export function wrongHash(path: string, kind: string, wanted: string, got: string, name: string): Diagnostic {
  return problem('M006', `${path} has the wrong checksum: ${kind} ${wanted} is wanted, ${got} was got`, {
    help: `delete it and run \`pipe weights fetch ${name}\`, or import the right file with \`pipe weights add FILE\``,
  });
}

/** Hashes the stored file once more, since it may have changed since it came. */
export async function verifyStored(home: string, file: CanonicalFile): Promise<Result<string, Diagnostic>> {
  const path = weightsPath(home, file.name);
  const hashes = await hashFile(path, ['md5', 'sha256']);
  const checked = checkHash(home, file, path, hashes);
  if (!checked.ok) return checked;
  pin(home, file, hashes.sha256);
  return ok(path);
}

function pinPath(home: string, name: string): string {
  return `${weightsPath(home, name)}.sha256`;
}

/** W2: the hash of the first copy of a file without a published one. */
export function readPin(home: string, name: string): string | undefined {
  const path = pinPath(home, name);
  if (!existsSync(path)) return undefined;
  return /^[0-9a-f]{64}/.exec(readFileSync(path, 'latin1'))?.[0];
}

export function pin(home: string, file: CanonicalFile, sha256: string): void {
  if (file.md5 || readPin(home, file.name) === sha256) return;
  writeFileAtomically(pinPath(home, file.name), `${sha256}  ${file.name}\n`);
}
