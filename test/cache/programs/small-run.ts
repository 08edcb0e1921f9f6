/**
 * A run in small: a stage that fills a row space, a stage that makes a blob from the rows, each with its entry, computed only where the
 * cache does not have them. Prints, as JSON, the digest of what it got, how much it computed, and what the cache said.
 */
import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../../../src/base/digest.ts';
import { type Cache, openCache } from '../../../src/cache/open-cache.ts';
import { CacheWriteError } from '../../../src/files/write-error.ts';
import { entryOf, fingerprintNamed, keyOf, rowsOf, SPACE } from '../cache-rig.ts';

const [folder = '', rows = '12', rowBytes = '500'] = process.argv.slice(2);
const names = Array.from({ length: Number(rows) }, (_, i) => i);
const ROW_BYTES = Number(rowBytes);
const said: string[] = [];
let computed = 0;

async function fillRows(cache: Cache): Promise<void> {
  const claim = await cache.claims.take('stage-rows', {
    done: () => cache.entries.read(fingerprintNamed('rows')) !== undefined,
    onWait: () => said.push('waited'),
    signal: new AbortController().signal,
  });
  try {
    if (cache.entries.read(fingerprintNamed('rows'))) return;
    const space = await cache.rowStore.open(SPACE, { rows: 'of the test' }, ROW_BYTES);
    for (let at = 0; at < names.length; at += 5) {
      await space.refresh();
      const missing = names.slice(at, at + 5).filter((name) => !space.has(keyOf(name)));
      computed += missing.length;
      await space.append(missing.map(keyOf), rowsOf(missing, ROW_BYTES));
    }
    await space.close();
    await cache.entries.commit(entryOf('rows', { rowSpace: SPACE }));
  } finally {
    claim?.release();
  }
}

/** All rows, one after another, or undefined when some have to be computed again. */
async function readAll(cache: Cache): Promise<Uint8Array | undefined> {
  const space = await cache.rowStore.find(SPACE);
  if (!space) return undefined;
  const bytes = new Uint8Array(names.length * ROW_BYTES);
  const { missing } = await space.read(names.map(keyOf), bytes);
  await space.close();
  return missing.length === 0 ? bytes : undefined;
}

async function makeBlob(cache: Cache): Promise<Digest> {
  const known = cache.entries.read(fingerprintNamed('model'));
  const blob = known?.blobs[0];
  if (blob && (await cache.blobs.get(blob))) return blob;
  for (let tries = 0; tries < 4; tries++) {
    const bytes = await readAll(cache);
    if (bytes) {
      const made = await cache.blobs.put(bytes);
      await cache.entries.commit(entryOf('model', { blobs: [made] }));
      return made;
    }
    cache.entries.remove(fingerprintNamed('rows'));
    await fillRows(cache);
  }
  throw new Error('rows are missing again and again');
}

try {
  const cache = openCache(folder, { onDamage: (detail) => said.push(detail) });
  await fillRows(cache);
  const blob = await makeBlob(cache);
  const bytes = (await cache.blobs.get(blob)) ?? (await readAll(cache)) ?? new Uint8Array();
  if (digestOf(bytes) !== digestOf(rowsOf(names, ROW_BYTES))) throw new Error('WRONG RESULT');
  cache.entries.touch(fingerprintNamed('model'));
  console.log(JSON.stringify({ result: createHash('sha256').update(bytes).digest('hex'), computed, said }));
} catch (error) {
  if (!(error instanceof CacheWriteError)) throw error;
  console.log(JSON.stringify({ refused: error.message, errno: error.errno, said }));
  process.exitCode = 7;
}
