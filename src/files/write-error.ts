/** A write that the disk refused: full, read-only, forbidden. The only kind of throw that callers turn into a diagnostic. */
export class CacheWriteError extends Error {
  override readonly name = 'CacheWriteError';
  readonly path: string;
  readonly errno: string;

  constructor(path: string, errno: string, cause: unknown) {
    super(`cannot write ${path}: ${meaningOf(errno)}`, { cause });
    this.path = path;
    this.errno = errno;
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EIO: 'the disk reports an input/output error',
  ENOTDIR: 'a part of the path is not a folder',
  // What making the folders above says of a file in their way.
  EEXIST: 'a part of the path is not a folder',
  EISDIR: 'there is a folder of that name',
  EFBIG: 'the file would be too large',
  EMFILE: 'too many open files',
};

function meaningOf(errno: string): string {
  return MEANINGS[errno] ?? errno;
}

/** The errno of a system error, or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Runs a write; a refusal of the disk becomes a CacheWriteError, a bug stays what it is. */
export function asWrite<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof CacheWriteError) throw error;
    throw new CacheWriteError(path, errno, error);
  }
}
