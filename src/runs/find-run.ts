import { type RunRecord, readRunRecord, readRunRecords } from './run-record.ts';

/** A run by its id, the beginning of its id, or `@last`. */
export function findRun(runs: string, id: string): RunRecord | undefined {
  const exact = /^[\w-]+$/.test(id) ? readRunRecord(runs, id) : undefined;
  if (exact) return exact;
  for (const record of readRunRecords(runs))
    if (id === '@last' || (id.length >= 4 && record.id.startsWith(id))) return record;
  return undefined;
}
