import { type RunRecord, readRunRecord, readRunRecords } from './run-record.ts';

/** A run by its id, the beginning of its id, `@last`, or `@last~1` for the one before. */
export function findRun(runs: string, id: string): RunRecord | undefined {
  const exact = /^[\w-]+$/.test(id) ? readRunRecord(runs, id) : undefined;
  if (exact) return exact;
  const [, back] = /^@last(?:~(\d{1,6}))?$/.exec(id) ?? [undefined, undefined];
  const before = id === '@last' ? 0 : back === undefined ? undefined : Number(back);
  let seen = 0;
  for (const record of readRunRecords(runs))
    if (seen++ === before || (id.length >= 4 && record.id.startsWith(id))) return record;
  return undefined;
}
