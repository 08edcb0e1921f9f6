/** Puts a weights file on this machine: from the shared folder, or by a download. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type DownloadOptions, download, elsewhere, type Wanted } from './download.ts';
import { hashFile } from './hash-file.ts';
import { type CanonicalFile, canonicalFiles, shortNameOf, weightsPath } from './registry.ts';
import { pin, readPin, verifyStored, wrongHash } from './store.ts';

export interface ObtainContext extends DownloadOptions {
  readonly home: string;
  readonly offline: boolean;
}

/** A file of Keras: found here and checked, or fetched. @returns its path */
export async function obtainCanonical(
  file: CanonicalFile,
  context: ObtainContext,
): Promise<Result<string, Diagnostic>> {
  const wanted = wantedOf(file, context);
  if (existsSync(wanted.target)) return verifyStored(context.home, file);
  const fetched = await fetch(wanted, context);
  if (!fetched.ok) return fetched;
  pin(context.home, file, fetched.value);
  return ok(wanted.target);
}

/** A file of Keras by its file name or its short name, such as `vgg16-top`. */
export async function fetchWeights(name: string, context: ObtainContext): Promise<Result<string, Diagnostic>> {
  const file = canonicalFiles.find((known) => known.name === name || shortNameOf(known) === name);
  if (file) return obtainCanonical(file, context);
  const names = canonicalFiles.map(shortNameOf);
  const near = didYouMean(name, names);
  return err(
    problem('M004', `there are no published weights "${name}"`, {
      help: `${near ? `${near} ` : ''}there are ${names.join(', ')}`,
    }),
  );
}

/** A file of anybody's, by its address and hash. @returns its path */
export async function obtainUrl(
  url: string,
  sha256: string,
  context: ObtainContext,
): Promise<Result<string, Diagnostic>> {
  const name = nameOf(url);
  const target = weightsPath(context.home, `${sha256.slice(0, 16)}-${name}`);
  if (existsSync(target)) {
    const got = (await hashFile(target, ['sha256'])).sha256;
    return got === sha256 ? ok(target) : err(wrongHash(target, 'sha256', sha256, got, name));
  }
  const fetched = await fetch(
    { url, target, name, bytes: undefined, hash: { kind: 'sha256', digest: sha256 } },
    context,
  );
  return fetched.ok ? ok(target) : fetched;
}

async function fetch(wanted: Wanted, context: ObtainContext): Promise<Result<string, Diagnostic>> {
  if (context.offline)
    return err(problem('N002', `offline, and ${wanted.name} is not at ${wanted.target}`, { help: elsewhere(wanted) }));
  const finished = await download(wanted, context);
  return finished.ok ? ok(finished.value.sha256) : finished;
}

function wantedOf(file: CanonicalFile, { home, environment }: ObtainContext): Wanted {
  const pinned = readPin(home, file.name);
  const hash = file.md5
    ? ({ kind: 'md5', digest: file.md5 } as const)
    : pinned
      ? ({ kind: 'sha256', digest: pinned } as const)
      : undefined;
  return {
    url: addressOf(file, environment['PIPE_WEIGHTS_MIRROR']),
    target: weightsPath(home, file.name),
    name: file.name,
    bytes: file.bytes,
    hash,
  };
}

/** A mirror holds all files in one folder, under their own names. */
function addressOf(file: CanonicalFile, mirror: string | undefined): string {
  return mirror ? `${mirror.replace(/\/+$/, '')}/${file.name}` : file.url;
}

function nameOf(url: string): string {
  return basename(new URL(url).pathname).replace(/[^\w.-]/g, '_') || 'weights';
}
