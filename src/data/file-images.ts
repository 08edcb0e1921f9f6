/** Images that are files of their own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { type Digest, digestOf } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { StoredImage } from '../images/stored-image.ts';
import type { ImageSource } from './image-source.ts';
import type { Split } from './row-table.ts';

/** Images at the paths that `fileOf` gives. */
export function fileImages(fileOf: NonNullable<ImageSource['fileOf']>): ImageSource {
  return {
    fileOf,
    async read(part, name, expected) {
      return readImageFile(fileOf(part, name, expected), expected);
    },
  };
}

/** Images below one folder a part, by names relative to it. */
export function folderImages(folders: Readonly<Partial<Record<Split, string>>>): ImageSource {
  return fileImages((part, name) => join(folders[part] ?? '', name));
}

/** The bytes of a file, if they are still those that were listed. */
export function readImageFile(path: string, expected: Digest): Result<StoredImage, Diagnostic> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return err(
      problem('D003', `cannot read the image ${path}: ${reason}`, {
        help: 'it was there when the run started; run again',
      }),
    );
  }
  // One read serves the check and the decoder, so that nothing can come between them.
  if (digestOf(bytes) !== expected)
    return err(problem('I004', `${path} changed during the run`, { help: 'run again' }));
  return ok({ kind: 'encoded', bytes, path });
}
