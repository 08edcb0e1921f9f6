/** Content digests of files from outside, remembered by (size, mtime, ctime, inode) so that unchanged files are not read again. */
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Digest } from '../base/digest.ts';
import type { Result } from '../base/result.ts';

export interface FileDigests {
  /** SHA-256 of a file's bytes. */
  of(path: string): Promise<Result<Digest, Diagnostic>>;
}
