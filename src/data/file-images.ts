/** Images as files below one folder a part. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { problem } from '../base/diagnostic.ts';
import { digestOf } from '../base/digest.ts';
import { err, ok } from '../base/result.ts';
import type { ImageSource } from './image-source.ts';
import type { Split } from './row-table.ts';

/** @param folders the folder of a part; names are relative to it */
export function fileImages(folders: Readonly<Partial<Record<Split, string>>>): ImageSource {
  const pathOf = (part: Split, name: string) => join(folders[part] ?? '', name);
  return {
    async read(part, name, expected) {
      const path = pathOf(part, name);
      let bytes: Uint8Array;
      try {
        bytes = await readFile(path);
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
    },
    describe: pathOf,
  };
}
