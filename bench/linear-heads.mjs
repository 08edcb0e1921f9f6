// `npm run build && node bench/linear-heads.mjs [python]`: linear classifiers on 2,000 × 25,088 features (10 classes, rectified)
// against scikit-learn at the same minimum, where a Python with scikit-learn is given.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { interleave, row } from './pairs.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [rows, width, classes] = [2000, 25088, 10];
const rounds = 5;
const python = process.argv[2];

const entry = `
export { StageRig } from './test/stage-rig.ts';
export { trainHead } from './src/stages/train-head/index.ts';
export { body } from './src/stages/train-head/run.ts';
export { DrawStream } from './src/base/philox.ts';
export { digestOf } from './src/base/digest.ts';
export { RowTable } from './src/data/row-table.ts';
export { ortAdapter } from './src/engines/ort/ort-adapter.ts';
export { npyHeader } from './src/files/npy.ts';
`;
const bundle = join(root, 'dist', '.build', 'linear-heads.mjs');
mkdirSync(dirname(bundle), { recursive: true });
await build({
  stdin: { contents: entry, resolveDir: root, loader: 'ts' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  mainFields: ['module', 'main'],
  external: ['onnxruntime-node', 'sharp', 'h5wasm'],
  outfile: bundle,
  logLevel: 'error',
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});
const { StageRig, trainHead, body, DrawStream, digestOf, RowTable, ortAdapter, npyHeader } = await import(pathToFileURL(bundle).href);

/** Low-rank signal and noise, rectified: as sparse and as correlated as the features of a convolutional network. */
function features() {
  const draws = new DrawStream(0, 'linear heads');
  const rank = 64;
  const normals = (count) => Float32Array.from({ length: count }, () => draws.normal());
  const basis = normals(rank * width);
  const centres = normals(classes * rank);
  const numbers = new Float32Array(rows * width);
  const pool = normals(1 << 20);
  for (let row = 0; row < rows; row++) {
    const z = normals(rank).map((x, j) => 0.6 * x + 0.6 * centres[(row % classes) * rank + j]);
    const own = numbers.subarray(row * width, (row + 1) * width);
    for (let j = 0; j < rank; j++) for (let i = 0; i < width; i++) own[i] += 0.75 * z[j] * basis[j * width + i];
    const from = draws.uint32();
    for (let i = 0; i < width; i++) own[i] = Math.max(0, own[i] + 4 * pool[(from + i * 7) % pool.length] - 4);
  }
  return numbers;
}

const rig = new StageRig();
const engine = await ortAdapter.open({ threads: 0, device: 'cpu' });
if (!engine.ok) throw new Error(engine.error.message);
const numbers = features();
const names = Array.from({ length: rows }, (_, i) => `${i}.png`);
const table = RowTable.from(
  Array.from({ length: classes }, (_, c) => `class ${c}`),
  names.map((name, i) => ({ split: 'train', part: 'train', label: i % classes, key: Buffer.from(digestOf(name), 'hex'), name })),
);
const data = await rig.features(table, [width], numbers);

/** Seconds of a fit by the body of the stage, from stored features to a stored model. */
async function fit(given) {
  const started = performance.now();
  const outcome = await body.run(trainHead.complete(given), rig.context({ inputs: { data }, engine: engine.value }));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  return (performance.now() - started) / 1000;
}

/** Seconds of a fit by scikit-learn, from an array in memory. */
function fitThere(npy, make) {
  const script = `
import sys, time, warnings
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
warnings.filterwarnings("ignore")
x = np.load(sys.argv[1]); y = np.arange(len(x)) % ${classes}
started = time.time(); (${make}).fit(x, y); print(time.time() - started)
`;
  const { stdout, status, stderr } = spawnSync(python, ['-c', script, npy], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout);
}

// At its default tolerance of 1e-4 LogisticRegression ends at eight times the least objective, at 1e-6 within 1 % of it.
const pairs = {
  'logistic regression, to the minimum': [{ classifier: 'logistic-regression' }, 'LogisticRegression(tol=1e-6, max_iter=10000)'],
  'linear SVM with probabilities': [{ classifier: 'linear-svm' }, 'CalibratedClassifierCV(LinearSVC(), ensemble=False, cv=5)'],
};
const folder = mkdtempSync(join(tmpdir(), 'linear-heads-'));
const npy = join(folder, 'x.npy');
writeFileSync(npy, Buffer.concat([npyHeader([rows, width], 'float32'), new Uint8Array(numbers.buffer)]));
for (const [name, [given, make]] of Object.entries(pairs)) {
  const alternatives = { pipe: () => fit(given), ...(python && { 'scikit-learn': () => fitThere(npy, make) }) };
  const figures = await interleave(alternatives, rounds);
  for (const [who, figure] of Object.entries(figures)) console.log(row(`${name}: ${who}`, figure, 's', who === 'pipe' ? '≤ 1.0 ×' : ''));
}
const own = numbers.byteLength / 2 ** 20;
console.log(`peak RSS ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB, ${own.toFixed(0)} MiB of it the bench's own copy of the features`);
await engine.value.close();
rig[Symbol.dispose]();
rmSync(folder, { recursive: true });
