import { mkdtempSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OpenFiles } from './open-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'open-files-'));
  for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, name), name);
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);
const contentOf = (descriptor: number) => {
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, 0);
  return byte.toString();
};

it('K13: keeps to its limit: closes what is idle, waits where all are in use', async () => {
  const files = new OpenFiles(2);
  const [a, b] = [files.take(path('a')), files.take(path('b'))];
  expect(files.take(path('a'))).toBe(a);
  const c = files.take(path('c'));
  expect(c).toBeInstanceOf(Promise);
  files.giveBack(path('b'));
  expect(contentOf(await c)).toBe('c');
  expect(contentOf(Number(a))).toBe('a');
  // `b` was idle and had to go; its number is free again.
  files.giveBack(path('a'));
  files.giveBack(path('a'));
  expect(contentOf(Number(files.take(path('b'))))).toBe('b');
  expect(typeof b).toBe('number');
  files.giveBack(path('b'));
  files.giveBack(path('c'));
  files.closeBelow(folder);
});

it("throws the open's own error, and on a file given back too often", () => {
  const files = new OpenFiles(2);
  expect(() => files.take(path('absent'))).toThrow('ENOENT');
  files.take(path('a'));
  files.giveBack(path('a'));
  expect(() => files.giveBack(path('a'))).toThrow('more often');
  files.closeBelow(folder);
});
