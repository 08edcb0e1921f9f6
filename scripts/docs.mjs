// `npm run docs`: writes the reference pages below docs/.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outfile = join(root, 'dist/.build/generate-docs.mjs');
await build({
  entryPoints: [join(root, 'scripts/generate-docs.ts')],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
  outfile,
});
const { referencePages } = await import(pathToFileURL(outfile).href);
for (const [path, text] of Object.entries(referencePages(root))) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
