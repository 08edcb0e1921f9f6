// What a run costs besides its computing.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, spread } from '../pairs.mjs';
import { cli, lastLine, processMs, quickstart } from '../project.mjs';

const bareNode = (folder) => () => processMs(['-e', '0'], folder);

const cached = {
  name: 'cached',
  what: 'a fully cached run of seven stages, to a bare Node',
  async *run({ rounds }) {
    const folder = quickstart();
    lastLine(['run', 'quickstart'], folder);
    const pipe = () => processMs([cli, 'run', 'quickstart'], folder);
    const figures = await interleave({ pipe, node: bareNode(folder) }, rounds(15));
    yield { what: 'fully cached run, 7 stages', unit: 'ms', figure: figures.pipe, to: 'bare node', target: '≤ 2 ×' };
  },
};

const manyImages = {
  name: 'cached-49000',
  what: 'the same with 49,000 image files behind it',
  async *run({ rounds }) {
    const folder = quickstart();
    const images = join(folder, 'data-examples/digits/images/train');
    const { default: sharp } = await import('sharp');
    const lines = ['filename,label'];
    for (let i = 0; i < 49_000; i++) {
      const pixels = Buffer.alloc(16);
      pixels.writeUInt32LE(i);
      const png = sharp(pixels, { raw: { width: 4, height: 4, channels: 1 } }).png({ compressionLevel: 0 });
      writeFileSync(join(images, `n${i}.png`), await png.toBuffer());
      lines.push(`n${i}.png,${i % 10}`);
    }
    writeFileSync(join(folder, 'data-examples/digits/train.csv'), `${lines.join('\n')}\n`);
    const settings = ['head.epochs=1', 'features.pooling=average', 'head.batch=512'].flatMap((one) => ['--set', one]);
    lastLine(['run', 'quickstart', ...settings], folder);
    lastLine(['run', 'quickstart', ...settings], folder);
    const pipe = () => processMs([cli, 'run', 'quickstart', ...settings], folder);
    const figures = await interleave({ pipe, node: bareNode(folder) }, rounds(9));
    yield {
      what: 'fully cached run over 49,000 images',
      unit: 'ms',
      figure: figures.pipe,
      to: 'bare node',
      target: '≤ 6 ×',
    };
  },
};

const changeHead = {
  name: 'change-head',
  what: 'another head: everything but the seconds of the training itself',
  async *run({ rounds }) {
    const folder = quickstart();
    lastLine(['run', 'quickstart'], folder);
    const overheads = Array.from({ length: rounds(7) }, (_, i) => {
      const started = performance.now();
      const { stages } = lastLine(['run', 'quickstart', '--set', `head.epochs=${21 + i}`], folder);
      const whole = performance.now() - started;
      if (stages.features.rows.computed !== 0) throw new Error('rows were computed');
      return whole - stages.head.durationMs - stages.score.durationMs - stages.submission.durationMs;
    });
    yield { what: 'overhead besides train, score, predict', unit: 'ms', figure: spread(overheads), target: '≤ 400 ms' };
  },
};

const history = {
  name: 'history',
  what: 'a query over 1,000 run records, and two commits compared',
  async *run({ rounds }) {
    const folder = quickstart();
    const git = (...words) =>
      spawnSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...words], { cwd: folder });
    git('init', '-q');
    writeFileSync(join(folder, '.gitignore'), '.pipe/\nresults/\n');
    for (const epochs of [2, 3]) {
      lastLine(['run', 'quickstart', '--set', `head.epochs=${epochs}`], folder);
      git('add', '-A');
      git('commit', '-q', '-m', `${epochs} epochs`);
    }
    const records = join(folder, '.pipe/runs');
    mkdirSync(records, { recursive: true });
    const [sample] = readdirSync(records);
    for (let i = 0; i < 1000; i++)
      cpSync(join(records, sample), join(records, `20200101000000-${String(i).padStart(6, '0')}`), { recursive: true });
    const query = ['runs', '--where', 'score.accuracy>0.5', '--sort', 'score.log-loss'];
    const alternatives = {
      runs: () => processMs([cli, ...query], folder),
      diff: () => processMs([cli, 'diff', 'HEAD~1', 'HEAD'], folder),
      node: bareNode(folder),
    };
    const { runs, diff } = await interleave(alternatives, rounds(9));
    const row = { unit: 'ms', to: 'bare node', target: '≤ 500 ms' };
    yield { ...row, what: '`runs --where --sort` over 1,000 records', figure: runs };
    yield { ...row, what: '`diff` of two commits', figure: diff };
  },
};

export const cases = [cached, manyImages, changeHead, history];
