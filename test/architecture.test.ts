/** The layers, checked: a file imports, type imports included, only from its own folder or a lower one. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../src/', import.meta.url));

/** Low to high. Folders on one line do not know each other. */
const layers: readonly (readonly string[])[] = [
  ['base'],
  ['files'],
  ['metrics', 'networks'],
  ['classifiers'],
  ['data', 'images'],
  ['engines', 'weights'],
  ['exports'],
  ['cache'],
  ['stages'],
  ['config'],
  ['plan'],
  ['scheduler'],
  ['runs'],
  ['sweep'],
  ['advice'],
  ['report'],
  ['cli'],
];
/** Pairs that may look sideways, one way. */
const sideways = new Set(['data → images', 'weights → engines']);

const files = readdirSync(source, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.generated.d.ts'))
  .sort();

function importsOf(file: string): readonly { readonly specifier: string; readonly lazy: boolean }[] {
  const text = readFileSync(join(source, file), 'utf8');
  const statics = [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'/gm)];
  const lazies = [...text.matchAll(/import\(\s*'([^']+)'\s*\)/g)];
  return [
    ...statics.map((match) => ({ specifier: match[1] ?? match[2] ?? '', lazy: false })),
    ...lazies.map((match) => ({ specifier: match[1] ?? '', lazy: true })),
  ];
}

const layerOf = (folder: string) => layers.findIndex((names) => names.includes(folder));
const folderOf = (file: string) => file.split(/[\\/]/)[0] ?? '';

describe('layers', () => {
  it.each(files.filter((file) => file.includes('/')))('%s imports downwards only', (file) => {
    const from = folderOf(file);
    expect(layerOf(from), `${from} has no layer`).toBeGreaterThanOrEqual(0);
    for (const { specifier } of importsOf(file).filter((target) => target.specifier.startsWith('.'))) {
      const target = relative(source, resolve(source, dirname(file), specifier));
      const to = folderOf(target);
      if (to === from || sideways.has(`${from} → ${to}`)) continue;
      expect(layerOf(to), `${file} imports ${target}`).toBeLessThan(layerOf(from));
      expect(layerOf(to), `${file} imports ${target}`).toBeGreaterThanOrEqual(0);
    }
  });
});

/** Packages that a fully cached run must not load: they may be reached only by `await import()`, or from a worker thread. */
const heavy =
  /^(@tensorflow\/|onnxruntime-node|sharp|h5wasm|listr2|execa|undici|csv-parse|typebox|ajv|hyparquet|fflate|tinyglobby)/;
/** Folders whose files are themselves loaded only when a stage runs or a command asks. */
const loadedLate =
  /^(engines\/(?!index|engine\.)|networks\/(forward|loss|updates|gradients)\.ts|.*\.worker\.ts$|stages\/(.*\/params|params-list|.*\/[a-z]+-schema|.*\/run)\.ts$)/;

describe('start-up', () => {
  it.each(files.filter((file) => !loadedLate.test(file)))('%s loads no heavy package statically', (file) => {
    const text = readFileSync(join(source, file), 'utf8');
    const typesOnly = new Set([...text.matchAll(/^import type\s[^;]*?from\s+'([^']+)'/gm)].map((match) => match[1]));
    for (const { specifier, lazy } of importsOf(file)) {
      if (!lazy && !typesOnly.has(specifier)) expect(specifier, file).not.toMatch(heavy);
    }
  });
});

describe('files', () => {
  it.each(files)('%s stays small enough to read', (file) => {
    expect(readFileSync(join(source, file), 'utf8').split('\n').length).toBeLessThanOrEqual(330);
  });
});
