/** The files that an ingest of CIFAR names. */
import { basename, resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { SPLITS, type Split } from '../../data/row-table.ts';
import type { ResolveContext } from '../stage-kind.ts';
import type { IngestCifarParams } from './index.ts';

export interface LocatedFile {
  readonly path: string;
  readonly digest: Digest;
  /** What rows of the file are called by: its name, without the folder and `.gz`. */
  readonly name: string;
}

export interface LocatedCifar {
  readonly parts: ReadonlyMap<Split, readonly LocatedFile[]>;
  readonly names: LocatedFile | undefined;
}

/** The file of a part by its name. */
export function fileOf(parts: LocatedCifar['parts'], part: Split, name: string): LocatedFile | undefined {
  return parts.get(part)?.find((file) => file.name === name);
}

export async function locateCifar(
  { parts: given, labels }: IngestCifarParams,
  context: ResolveContext,
): Promise<Result<LocatedCifar, readonly Diagnostic[]>> {
  const parts = new Map<Split, readonly LocatedFile[]>();
  for (const split of SPLITS) {
    const patterns = given[split];
    if (!patterns) continue;
    const files = await locatePart(split, patterns, context);
    if (!files.ok) return files;
    parts.set(split, files.value);
  }
  if (labels === null) return ok({ parts, names: undefined });
  const names = await locateFile(resolve(context.baseDirectory('labels'), labels), 'labels', context);
  return names.ok ? ok({ parts, names: names.value }) : err([names.error]);
}

async function locatePart(
  split: Split,
  patterns: readonly string[],
  context: ResolveContext,
): Promise<Result<readonly LocatedFile[], readonly Diagnostic[]>> {
  const pointer = `${split}/files`;
  const files: LocatedFile[] = [];
  for (const pattern of patterns) {
    const paths = await pathsOf(pattern, context.baseDirectory(pointer));
    if (paths.length === 0)
      return err([
        problem('D001', `no file fits ${pattern}`, {
          location: context.at(pointer),
          help: 'relative paths start at the pipeline file',
        }),
      ]);
    for (const path of paths) {
      const located = await locateFile(path, pointer, context);
      if (!located.ok) return err([located.error]);
      const twin = files.find(({ name }) => name === located.value.name);
      if (twin)
        return err([
          problem('D041', `${split} names ${twin.path} and ${path}, whose rows would have the same names`, {
            location: context.at(pointer),
            help: 'name each file once, and give files in different folders different names',
          }),
        ]);
      files.push(located.value);
    }
  }
  return ok(files);
}

/** A path as it is, or the files that a pattern fits, sorted. */
async function pathsOf(pattern: string, folder: string): Promise<readonly string[]> {
  if (!/[*?]/.test(pattern)) return [resolve(folder, pattern)];
  const { glob } = await import('tinyglobby');
  const found = await glob(pattern, { cwd: folder, absolute: true, expandDirectories: false });
  return found.map((path) => resolve(path)).sort();
}

async function locateFile(
  path: string,
  pointer: string,
  context: ResolveContext,
): Promise<Result<LocatedFile, Diagnostic>> {
  const digest = await context.digests.of(path);
  if (digest.ok) return ok({ path, digest: digest.value, name: basename(path).replace(/\.gz$/i, '') });
  const location = context.at(pointer);
  return err({ ...digest.error, ...(location && { location }) });
}
