// Linear classifiers on 2,000 × 25,088 features (10 classes, rectified), to scikit-learn at the same minimum.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, spread } from '../pairs.mjs';
import { openPeers } from '../peers.mjs';
import { emptyProject } from '../project.mjs';
import { source, taken } from '../source.mjs';

const [rows, width, classes] = [2000, 25088, 10];

/** Low-rank signal and noise, rectified: as sparse and as correlated as the features of a convolutional network. */
function features(DrawStream) {
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

const kinds = [
  { what: 'logistic regression, to the minimum', classifier: 'logistic-regression', peer: 'logistic' },
  { what: 'linear SVM with probabilities', classifier: 'linear-svm', peer: 'svm' },
];

const linearHeads = {
  name: 'linear-heads',
  what: 'linear classifiers on 2,000 × 25,088 features, from stored features to a stored model',
  async *run(settings) {
    const { StageRig, trainHead, trainHeadBody, DrawStream, digestOf, RowTable, engineAdapters, npyHeader } =
      await source();
    const rig = new StageRig();
    const engine = taken(await engineAdapters.find(({ id }) => id === 'ort').open({ threads: 0, device: 'cpu' }));
    const numbers = features(DrawStream);
    const tableRows = Array.from({ length: rows }, (_, i) => {
      const name = `${i}.png`;
      return { split: 'train', part: 'train', label: i % classes, key: Buffer.from(digestOf(name), 'hex'), name };
    });
    const table = RowTable.from(
      Array.from({ length: classes }, (_, c) => `class ${c}`),
      tableRows,
    );
    const data = await rig.features(table, [width], numbers);
    const fitted = async (classifier) => {
      const started = performance.now();
      taken(await trainHeadBody.run(trainHead.complete({ classifier }), rig.context({ inputs: { data }, engine })));
      return (performance.now() - started) / 1000;
    };
    const npy = join(emptyProject(), 'x.npy');
    writeFileSync(npy, Buffer.concat([npyHeader([rows, width], 'float32'), new Uint8Array(numbers.buffer)]));
    for (const { what, classifier, peer } of kinds) {
      const peers = await openPeers(settings, what, { 'scikit-learn': ['linear-sklearn', npy, peer] });
      const there = peers.open['scikit-learn'];
      const alternatives = { pipe: () => fitted(classifier), ...(there && { there: () => there.run() }) };
      const figures = await interleave(alternatives, settings.rounds(5));
      yield { what: `${what}: pipe`, unit: 's', figure: figures.pipe, to: there?.title, target: '≤ 1 ×' };
      if (there) yield { what: `${what}: ${there.title}`, unit: 's', figure: figures.there };
      yield* peers.absent;
      peers.close();
    }
    const own = (numbers.byteLength / 2 ** 20).toFixed(0);
    const peak = process.resourceUsage().maxRSS / 1024;
    yield { what: `peak memory, ${own} MiB of it the bench's own features`, unit: 'MiB', figure: spread([peak]) };
    await engine.close();
    rig[Symbol.dispose]();
  },
};

export const cases = [linearHeads];
