import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { type Digest, parseDigest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { FileDigests } from './file-digests.ts';
import { isRacy, STAMP_LENGTH, sameStamp, stampInto } from './file-stat.ts';
import type { Memo } from './memo.ts';
import { errnoOf } from './write-error.ts';

/** Digests of single files (weights, IDX files, an exec's inputs), remembered in a memo of the file's path. */
export class DiskFileDigests implements FileDigests {
  readonly #memo: Memo;

  constructor(memo: Memo) {
    this.#memo = memo;
  }

  async of(path: string): Promise<Result<Digest, Diagnostic>> {
    const now = new Float64Array(STAMP_LENGTH);
    if (!stampInto(path, now, 0)) {
      return err(
        existsSync(path)
          ? problem('D002', `${path} is not a file`)
          : problem('D001', `no such file: ${path}`, {
              help: 'check the path; relative paths start at the pipeline file',
            }),
      );
    }
    const known = this.#recall(path, now);
    if (known) return ok(known);
    try {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
      const digest = parseDigest(hash.digest('hex'));
      this.#remember(path, now, digest);
      return ok(digest);
    } catch (error) {
      return err(problem('D003', `cannot read ${path}: ${errnoOf(error) ?? String(error)}`));
    }
  }

  #recall(path: string, now: Float64Array): Digest | undefined {
    const bytes = this.#memo.get(`file ${path}`);
    if (!bytes || bytes.length !== STAMP_LENGTH * 8 + 32) return undefined;
    const stamp = new Float64Array(bytes.slice(0, STAMP_LENGTH * 8).buffer);
    return sameStamp(stamp, 0, now, 0)
      ? parseDigest(Buffer.from(bytes.subarray(STAMP_LENGTH * 8)).toString('hex'))
      : undefined;
  }

  #remember(path: string, stamp: Float64Array, digest: Digest): void {
    if (isRacy(stamp, 0, Date.now())) return;
    this.#memo.set(`file ${path}`, Buffer.concat([new Uint8Array(stamp.buffer), Buffer.from(digest, 'hex')]));
  }
}
