import { problem } from '../../base/diagnostic.ts';
import type { Fingerprint } from '../../base/digest.ts';
import { escapeForTerminal } from '../../base/escape.ts';
import { applyCollection, planCollection } from '../../cache/gc.ts';
import { openCache } from '../../cache/open-cache.ts';
import { measureCache } from '../../cache/size.ts';
import { verifyCache } from '../../cache/verify.ts';
import { locateProject } from '../../files/project.ts';
import { showBytes } from '../../report/duration.ts';
import { readRunRecords } from '../../runs/run-record.ts';
import { cacheFolder, failWith, type GlobalOptions, print, printJson } from '../output.ts';

function open(options: GlobalOptions) {
  const project = locateProject(`${process.cwd()}/x`, process.env, cacheFolder(options));
  return { project, cache: openCache(project.cache, { onDamage: () => undefined }) };
}

export async function verify(options: GlobalOptions): Promise<number> {
  const findings = [];
  const walk = verifyCache(open(options).cache);
  for (;;) {
    const step = await walk.next();
    if (step.done) {
      const { entries, blobs, rows } = step.value;
      if (options.json) printJson({ ...step.value, findings });
      else {
        for (const { detail } of findings) print(`  damaged: ${escapeForTerminal(detail)}\n`);
        print(
          `  ${entries} entries, ${blobs} blobs and ${rows} rows read; ${findings.length === 0 ? 'all are whole' : `${findings.length} damaged, set aside, to be computed again`}\n`,
        );
      }
      return 0;
    }
    findings.push(step.value);
  }
}

export async function size(options: GlobalOptions): Promise<number> {
  const { cache, project } = open(options);
  const users = new Map<string, Set<string>>();
  for (const record of readRunRecords(project.runs)) {
    for (const { fingerprint } of Object.values(record.summary.stages))
      users.set(fingerprint, (users.get(fingerprint) ?? new Set()).add(record.pipeline));
  }
  const measured = measureCache(cache, (fingerprint) => [...(users.get(fingerprint) ?? [])]);
  if (options.json) printJson(measured);
  else {
    print(`  ${showBytes(measured.total)} in ${escapeForTerminal(project.cache)}\n`);
    for (const [title, sizes] of [
      ['folder', measured.folders],
      ['kind', measured.kinds],
      ['pipeline', measured.pipelines],
    ] as const) {
      for (const [name, bytes] of Object.entries(sizes))
        print(`    ${title.padEnd(8)}  ${escapeForTerminal(name).padEnd(32)} ${showBytes(bytes)}\n`);
    }
  }
  return 0;
}

export async function gc(options: GlobalOptions): Promise<number> {
  const { cache, project } = open(options);
  const age = options['olderThan'] === undefined ? undefined : parseAge(String(options['olderThan']));
  const most = options['maxSize'] === undefined ? undefined : parseSize(String(options['maxSize']));
  const keep = options['keepLast'] === undefined ? undefined : usedByLast(project.runs, Number(options['keepLast']));
  if (Number.isNaN(age ?? 0) || Number.isNaN(most ?? 0))
    return failWith([problem('U001', 'an age is such as 30d or 12h, a size such as 20GB or 500MB')], options);
  if (options['keepLast'] !== undefined && !/^\d{1,9}$/.test(String(options['keepLast'])))
    return failWith([problem('U001', `--keep-last takes a whole number, not ${options['keepLast']}`)], options);
  const plan = planCollection(cache, {
    ...(age !== undefined && { olderThanMs: age }),
    ...(most !== undefined && { maxBytes: most }),
    ...(keep && { keep }),
  });
  if (!plan.ok) return failWith([plan.error], options);
  const apply = options['yes'] === true;
  const freed = apply ? applyCollection(cache, plan.value) : [];
  if (options.json) printJson({ ...plan.value, applied: apply, freed: freed.length });
  else {
    print(
      `  ${apply ? 'freed' : 'would free'} ${showBytes(plan.value.bytes)} of ${showBytes(plan.value.total)} in ${plan.value.items.length} parts${plan.value.young > 0 ? `; ${plan.value.young} entries stay because they are younger than a day` : ''}\n`,
    );
    if (!apply && plan.value.items.length > 0) print('  add --yes to do it\n');
  }
  return 0;
}

/** Fingerprints that the newest runs used. */
function usedByLast(runs: string, count: number): ReadonlySet<Fingerprint> {
  const used = new Set<Fingerprint>();
  let seen = 0;
  for (const record of readRunRecords(runs)) {
    if (seen++ >= count) break;
    for (const { fingerprint } of Object.values(record.summary.stages)) used.add(fingerprint);
  }
  return used;
}

const HOUR_MS = 3_600_000;

function parseAge(text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)([hdw])$/.exec(text) ?? [];
  return amount === '' ? Number.NaN : Number(amount) * HOUR_MS * (unit === 'h' ? 1 : unit === 'd' ? 24 : 168);
}

function parseSize(text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kMGT]?)B$/.exec(text) ?? [];
  return amount === '' ? Number.NaN : Number(amount) * 1000 ** ' kMGT'.indexOf(unit || ' ');
}
