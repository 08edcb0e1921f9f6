// Builds everything that ships: schemas and validators, type declarations, the API and worker bundles, and the one-file CLI.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import assemblyScript from 'assemblyscript/asc';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const common = { bundle: true, platform: 'node', target: 'node20', logLevel: 'warning', legalComments: 'none' };

function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();
}

// 1. Schemas and standalone validators, from the stage kinds' params.
mkdirSync('dist', { recursive: true });
if (existsSync('scripts/generate-schemas.ts')) {
  await build({
    ...common,
    entryPoints: ['scripts/generate-schemas.ts'],
    format: 'esm',
    packages: 'external',
    outfile: 'dist/.build/generate-schemas.mjs',
  });
  const { generateSchemas } = await import(pathToFileURL(join(root, 'dist/.build/generate-schemas.mjs')).href);
  await generateSchemas(root);
}

// The loops over pixels: AssemblyScript to WebAssembly.
const compiled = await assemblyScript.main([
  'src/images/wasm/index.ts',
  ...['--outFile', 'dist/pixel-kernels.wasm'],
  // No garbage collector: the kernels have no objects.
  ...['--runtime', 'stub', '--noAssert', '-O3', '--enable', 'simd', '--use', 'abort='],
]);
if (compiled.error) {
  console.error(compiled.stderr.toString());
  throw compiled.error;
}

// 2. Types are checked and declared (tsc writes no JavaScript).
if (!process.argv.includes('--no-types')) {
  rmSync('dist/types', { recursive: true, force: true });
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
}

// 3. The API and the worker threads, ES modules. Packages stay outside, but for TensorFlow.js: its gradients come as ES modules that
// Node cannot load on their own, and in one bundle it starts three times as fast.
const packagesOutside = {
  name: 'packages-outside',
  setup(b) {
    b.onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) =>
      kind === 'entry-point' ||
      path.startsWith('@tensorflow/tfjs-core') ||
      path.startsWith('@tensorflow/tfjs-backend-cpu') ||
      importer.includes('node_modules/@tensorflow/')
        ? undefined
        : { path, external: true },
    );
  },
};
const workers = Object.fromEntries(
  filesBelow('src', '.worker.ts').map((path) => [`workers/${basename(path, '.worker.ts')}`, path]),
);
await build({
  ...common,
  entryPoints: { ...(existsSync('src/index.ts') && { index: 'src/index.ts' }), ...workers },
  format: 'esm',
  splitting: true,
  mainFields: ['module', 'main'],
  plugins: [packagesOutside],
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
});

// 4. The CLI: one CommonJS file, with only the light packages inside, since loading many files is what a cached run would pay for.
if (existsSync('src/cli/main.ts')) {
  const inside = new Set(['yaml', 'commander', 'fastest-levenshtein']);
  await build({
    ...common,
    entryPoints: ['src/cli/main.ts'],
    format: 'cjs',
    minify: true,
    keepNames: false,
    outfile: 'dist/cli-main.cjs',
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [
      {
        name: 'light-packages-inside',
        setup(b) {
          b.onResolve({ filter: /^[^./]/ }, (args) => {
            if (args.kind === 'entry-point' || args.path.startsWith('node:')) return undefined;
            const name = args.path
              .split('/')
              .slice(0, args.path.startsWith('@') ? 2 : 1)
              .join('/');
            const fromLight = [...inside].some((light) => args.importer.includes(`node_modules/${light}/`));
            return inside.has(name) || fromLight ? undefined : { path: args.path, external: true };
          });
        },
      },
    ],
  });
  // Code that V8 restores from its cache cannot import by itself; the loader does it for it.
  writeFileSync(
    'dist/cli-main.cjs',
    readFileSync('dist/cli-main.cjs', 'utf8').replace(/\bimport\(/g, 'importFromLoader('),
  );
  cpSync('scripts/cli-loader.cjs', 'dist/cli.cjs');
  chmodSync('dist/cli.cjs', 0o755);
  // V8's compiled code for the Node that builds; `cli-loader.cjs` says why.
  const { compile, codeCachePath } = createRequire(import.meta.url)(join(root, 'dist/cli.cjs'));
  writeFileSync(codeCachePath(), compile().createCachedData());
}
