import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../files/write-error.ts';

/** Paths of all files below a folder whose name ends in `ending`; folders that are gone or closed count as empty. */
export function* filesBelow(folder: string, ending = ''): IterableIterator<string> {
  for (const item of itemsOf(folder)) {
    const path = join(folder, item.name);
    if (item.isDirectory()) yield* filesBelow(path, ending);
    else if (item.isFile() && item.name.endsWith(ending)) yield path;
  }
}

/** Folder items, sorted by name, or none where the folder cannot be read. */
export function itemsOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}
