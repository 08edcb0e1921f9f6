/** The files that an ingest of IDX names: on this machine, or at an address, from where they are fetched once. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { SPLITS, type Split } from '../../data/row-table.ts';
import { showAddress } from '../../weights/address.ts';
import type { ResolveContext } from '../stage-kind.ts';
import type { FileChoice, IngestIdxParams } from './index.ts';

export interface LocatedFile {
  readonly path: string;
  readonly digest: Digest;
}

export interface IdxPart {
  readonly images: LocatedFile;
  readonly labels: LocatedFile | undefined;
}

/** The files of every split, fetched where they are not here yet. */
export async function locateIdx(
  { parts: given }: IngestIdxParams,
  context: ResolveContext,
): Promise<Result<ReadonlyMap<Split, IdxPart>, readonly Diagnostic[]>> {
  const parts = new Map<Split, IdxPart>();
  for (const split of SPLITS) {
    const part = given[split];
    if (!part) continue;
    const images = await locate(part.images, `${split}/images`, context);
    if (!images.ok) return err([images.error]);
    const labels = part.labels === null ? undefined : await locate(part.labels, `${split}/labels`, context);
    if (labels && !labels.ok) return err([labels.error]);
    parts.set(split, { images: images.value, labels: labels?.value });
  }
  return ok(parts);
}

async function locate(
  file: FileChoice,
  pointer: string,
  context: ResolveContext,
): Promise<Result<LocatedFile, Diagnostic>> {
  const located =
    typeof file === 'string'
      ? await digested(resolve(context.baseDirectory(pointer), file), context)
      : await fetched(file, context);
  const location = context.at(pointer);
  return located.ok || !location ? located : err({ ...located.error, location });
}

async function digested(path: string, { digests }: ResolveContext): Promise<Result<LocatedFile, Diagnostic>> {
  const digest = await digests.of(path);
  return digest.ok ? ok({ path, digest: digest.value }) : digest;
}

/** A file of an address, in a folder that all projects of a user share; its name there holds its digest. */
async function fetched(
  { url, sha256 }: Exclude<FileChoice, string>,
  context: ResolveContext,
): Promise<Result<LocatedFile, Diagnostic>> {
  if (!URL.canParse(url))
    return err(
      problem('N001', `${JSON.stringify(url)} is no web address`, { help: 'such as https://host/folder/file.gz' }),
    );
  const name = basename(new URL(url).pathname).replace(/[^\w.-]/g, '_') || 'data';
  const target = join(context.home, 'data', `${sha256.slice(0, 16)}-${name}`);
  if (!existsSync(target)) {
    const otherwise = `get ${showAddress(new URL(url))} (sha256 ${sha256}) by other means and put it at ${target}`;
    if (context.offline) return err(problem('N002', `offline, and ${name} is not at ${target}`, { help: otherwise }));
    const { download } = await import('../../weights/download.ts');
    const wanted = {
      url,
      target,
      name,
      bytes: undefined,
      hash: { kind: 'sha256', digest: sha256 },
      otherwise,
    } as const;
    const done = await download(wanted, { environment: process.env });
    if (!done.ok) return done;
  }
  const located = await digested(target, context);
  if (!located.ok || located.value.digest === sha256) return located;
  return err(
    problem('M006', `${target} has the wrong checksum: sha256 ${sha256} is wanted, ${located.value.digest} was got`, {
      help: 'delete it and run again',
    }),
  );
}
