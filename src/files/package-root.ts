import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let root: string | undefined;

/** Folder of the installed package: where `dist/`, `schemas/`, `weights/` and `package.json` lie, whether run from source or built. */
export function packageRoot(): string {
  if (root) return root;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package folder cannot be found above its own code');
    folder = parent;
  }
  root = folder;
  return folder;
}

/** Built entry point of a worker thread, such as `engine` for `src/engines/ort/engine.worker.ts`. */
export function workerPath(name: string): string {
  return join(packageRoot(), 'dist', 'workers', `${name}.js`);
}
