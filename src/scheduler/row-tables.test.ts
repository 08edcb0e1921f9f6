import { expect, it } from 'vitest';
import { digestOf } from '../base/digest.ts';
import { RowTable } from '../data/row-table.ts';
import { rowTableOf } from './row-tables.ts';

const bytes = RowTable.from(['a'], []).encode();
const digest = digestOf(bytes);

it('reads a table once for stages that start at the same moment, and gives all of them the same object', async () => {
  let reads = 0;
  const blobs = {
    get: async () => {
      reads++;
      return bytes;
    },
  };
  const tables = await Promise.all(Array.from({ length: 20 }, () => rowTableOf(blobs, digest)));
  expect(new Set(tables).size).toBe(1);
  expect(tables[0]?.classes).toEqual(['a']);
  expect(reads).toBe(1);
});

it('asks again for a table that was missing or could not be read', async () => {
  const answers = [undefined, new Error('disk'), bytes];
  const blobs = {
    get: async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const other = digestOf('another');
  expect(await rowTableOf(blobs, other)).toBeUndefined();
  await expect(rowTableOf(blobs, other)).rejects.toThrow('disk');
  expect((await rowTableOf(blobs, other))?.count).toBe(0);
});
