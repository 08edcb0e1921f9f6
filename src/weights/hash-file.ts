import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export type HashName = 'md5' | 'sha256';

/** Hashes of a file in one pass, in hexadecimal digits. */
export async function hashFile<Name extends HashName>(
  path: string,
  names: readonly Name[],
): Promise<Readonly<Record<Name, string>>> {
  const hashes = names.map((name) => [name, createHash(name)] as const);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    for (const [, hash] of hashes) hash.update(chunk);
  }
  const digests: Partial<Record<Name, string>> = {};
  for (const [name, hash] of hashes) digests[name] = hash.digest('hex');
  if (!isComplete(digests, names)) throw new Error('a hash is missing');
  return digests;
}

function isComplete<Name extends HashName>(
  digests: Partial<Record<Name, string>>,
  names: readonly Name[],
): digests is Record<Name, string> {
  return names.every((name) => digests[name] !== undefined);
}
