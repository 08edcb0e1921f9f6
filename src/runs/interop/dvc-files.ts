/** A run as the files that DVC reads: `params.yaml`, `metrics.json`, a table of every training, and a `dvc.yaml` that names them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { csvCell } from '../../files/csv-cell.ts';
import { yamlMembers } from '../lock-text.ts';
import type { RunFacts } from './run-facts.ts';

/** Writes the files; a `dvc.yaml` that is there stays. @throws CacheWriteError when the disk refuses. */
export function writeDvcFiles(folder: string, { settings, metrics, curves }: RunFacts): void {
  const write = (name: string, text: string) => writeFileAtomically(join(folder, name), text, { flush: false });
  write('params.yaml', yamlMembers(settings));
  // A metric that is no number becomes null.
  write('metrics.json', `${JSON.stringify(metrics, null, 2)}\n`);
  const tables = Object.entries(curves).map(([stage, history]) => {
    const names = [...new Set(history.flatMap((epoch) => Object.keys(epoch)))];
    const rows = history.map((epoch) => {
      const values: Readonly<Record<string, number>> = Object.fromEntries(Object.entries(epoch));
      return names.map((name) => String(values[name] ?? ''));
    });
    const file = `plots/${encodeURIComponent(stage)}.csv`;
    write(file, `${[names.map((name) => csvCell(name)), ...rows].map((cells) => cells.join(',')).join('\n')}\n`);
    return { file, losses: names.filter((name) => name.endsWith('loss')) };
  });
  if (existsSync(join(folder, 'dvc.yaml'))) return;
  const plots = tables.map(({ file, losses }) => ({ [file]: { x: 'epoch', y: losses } }));
  const listed = { metrics: ['metrics.json'], params: ['params.yaml'], ...(plots.length > 0 && { plots }) };
  write('dvc.yaml', yamlMembers(listed));
}
