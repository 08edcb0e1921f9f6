/** A past run for people: what it ran on, its log, its curves. */
import { escapeForTerminal } from '../base/escape.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { RunDetails } from '../runs/run-details.ts';
import type { EpochRecord } from '../stages/artifacts.ts';
import { showBytes } from './duration.ts';

/** Versions and hardware, as far as the record has them. */
export function machineLines(details: RunDetails | undefined, node: string): readonly string[] {
  const machine = details?.machine;
  if (!machine) return [`node ${node}`];
  const libraries = Object.entries(machine.libraries).map(([name, version]) => `${name} ${version}`);
  const hardware = [`${machine.cores} × ${machine.cpu}`, showBytes(machine.memoryBytes), ...machine.gpus];
  return [
    [`pipe ${machine.pipe}`, `node ${machine.node}`, machine.platform, ...libraries].join(' · '),
    hardware.join(' · '),
    ...(details.changes?.untracked.length ? [`untracked: ${details.changes.untracked.slice(0, 5).join(', ')}`] : []),
  ].map(escapeForTerminal);
}

/** Events with their time, then training epoch by epoch. */
export function logLines(log: readonly Json[], details: RunDetails | undefined): readonly string[] {
  const events = log.flatMap((event) => (isJsonObject(event) ? [eventLine(event)] : []));
  const curves = Object.entries(details?.curves ?? {}).flatMap(([stage, history]) => [
    `  ${escapeForTerminal(stage)}`,
    ...history.map(epochLine),
  ]);
  if (events.length + curves.length === 0) return ['  no log: nothing ran'];
  return [...events, ...curves];
}

function eventLine(event: { readonly [key: string]: Json }): string {
  const { at, event: name, stage, status, durationMs, diagnostic, outcome } = event;
  const time = typeof at === 'string' ? at.slice(11, 23) : '';
  const detail = isJsonObject(diagnostic ?? null) ? diagnosticWords(diagnostic) : '';
  const parts = [
    stage,
    status,
    outcome,
    detail,
    status === 'ran' && typeof durationMs === 'number' ? `${durationMs} ms` : '',
  ];
  const words = parts.filter((part): part is string => typeof part === 'string' && part !== '');
  return escapeForTerminal(`  ${time}  ${[name, ...words].join('  ')}`);
}

function diagnosticWords(diagnostic: Json | undefined): string {
  if (diagnostic === undefined || !isJsonObject(diagnostic)) return '';
  return `${String(diagnostic['severity'])}[${String(diagnostic['code'])}]: ${String(diagnostic['message'])}`;
}

function epochLine(record: EpochRecord): string {
  const { epoch, ...values } = record;
  const words = Object.entries(values).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(4)) : '–'}`,
  );
  return escapeForTerminal(`    epoch ${String(epoch).padStart(3)}  ${words.join('  ')}`);
}
