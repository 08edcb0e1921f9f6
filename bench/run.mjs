// `npm run bench [-- NAME…]`: the figures of the README, each as a ratio within one run. `--json` for comparing two commits.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleave, row } from './pairs.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'dist', 'cli.cjs');
const chosen = process.argv.slice(2).filter((name) => !name.startsWith('--'));
const asJson = process.argv.includes('--json');
const rows = [];
const say = (name, figure, unit, target) => {
  rows.push({ name, ...figure, unit, target });
  if (!asJson) console.log(row(name, figure, unit, target));
};

/** Milliseconds of a whole process. */
function processMs(args, cwd) {
  const started = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - started) / 1e6;
}

/** The last line of `--json`. */
function lastLine(args, cwd) {
  const { stdout, status, stderr } = spawnSync(process.execPath, [cli, ...args, '--json'], { cwd, encoding: 'utf8', maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1));
}

function project() {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-bench-'));
  writeFileSync(join(folder, 'package.json'), '{}');
  mkdirSync(join(folder, 'pipelines'));
  cpSync(join(root, 'pipelines', 'quickstart.yaml'), join(folder, 'pipelines', 'quickstart.yaml'));
  cpSync(join(root, 'data-examples', 'digits'), join(folder, 'data-examples', 'digits'), { recursive: true });
  return folder;
}

const benches = {
  /** A fully cached run of seven stages against a bare Node. */
  async cached() {
    const folder = project();
    lastLine(['run', 'quickstart'], folder);
    const figures = await interleave({ pipe: () => processMs([cli, 'run', 'quickstart'], folder), node: () => processMs(['-e', '0'], folder) }, 15);
    say('fully cached run, 7 stages, to bare node', figures.pipe, 'ms', '≤ 2 ×');
    rmSync(folder, { recursive: true });
  },

  /** The history: a query over 1,000 records, and two commits compared. */
  async history() {
    const folder = project();
    const git = (...args) => spawnSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder });
    git('init', '-q');
    writeFileSync(join(folder, '.gitignore'), '.pipe/\nresults/\n');
    for (const epochs of [2, 3]) {
      lastLine(['run', 'quickstart', '--set', `head.epochs=${epochs}`], folder);
      git('add', '-A');
      git('commit', '-q', '-m', `${epochs} epochs`);
    }
    const runs = join(folder, '.pipe/runs');
    const [sample] = readdirSync(runs);
    for (let i = 0; i < 1000; i++) cpSync(join(runs, sample), join(runs, `20200101000000-${String(i).padStart(6, '0')}`), { recursive: true });
    const query = ['runs', '--where', 'score.accuracy>0.5', '--sort', 'score.log-loss'];
    const figures = await interleave({ runs: () => processMs([cli, ...query], folder), diff: () => processMs([cli, 'diff', 'HEAD~1', 'HEAD'], folder) }, 9);
    say('`runs --where --sort` over 1,000 records', figures.runs, 'ms', '≤ 500 ms');
    say('`diff` of two commits', figures.diff, 'ms', '≤ 500 ms');
    rmSync(folder, { recursive: true });
  },

  /** The same with 49,000 image files behind it. */
  async 'cached-49000'() {
    const folder = project();
    const images = join(folder, 'data-examples/digits/images/train');
    const { default: sharp } = await import('sharp');
    const lines = ['filename,label'];
    for (let i = 0; i < 49_000; i++) {
      const pixels = Buffer.alloc(16);
      pixels.writeUInt32LE(i);
      writeFileSync(join(images, `n${i}.png`), await sharp(pixels, { raw: { width: 4, height: 4, channels: 1 } }).png({ compressionLevel: 0 }).toBuffer());
      lines.push(`n${i}.png,${i % 10}`);
    }
    writeFileSync(join(folder, 'data-examples/digits/train.csv'), `${lines.join('\n')}\n`);
    const settings = ['--set', 'head.epochs=1', '--set', 'features.pooling=average', '--set', 'head.batch=512'];
    lastLine(['run', 'quickstart', ...settings], folder);
    lastLine(['run', 'quickstart', ...settings], folder);
    const figures = await interleave({ pipe: () => processMs([cli, 'run', 'quickstart', ...settings], folder), node: () => processMs(['-e', '0'], folder) }, 9);
    say('fully cached run over 49,000 images, to bare node', figures.pipe, 'ms', '≤ 6 ×');
    rmSync(folder, { recursive: true });
  },

  /** Another head: everything but the seconds of the training itself. */
  async 'change-head'() {
    const folder = project();
    lastLine(['run', 'quickstart'], folder);
    const overheads = [];
    for (let epochs = 21; epochs < 28; epochs++) {
      const started = process.hrtime.bigint();
      const last = lastLine(['run', 'quickstart', '--set', `head.epochs=${epochs}`], folder);
      const whole = Number(process.hrtime.bigint() - started) / 1e6;
      if (last.stages.features.rows.computed !== 0) throw new Error('rows were computed');
      overheads.push(whole - last.stages.head.durationMs - last.stages.score.durationMs - last.stages.submission.durationMs);
    }
    const sorted = overheads.sort((a, b) => a - b);
    say('change the head: overhead besides train, score, predict', { median: sorted[3], min: sorted[0], max: sorted[6] }, 'ms', '≤ 400 ms');
    rmSync(folder, { recursive: true });
  },

  /** VGG16's base at 224×224 from PNG files, random weights of the true shapes. */
  async vgg16() {
    const folder = project();
    const settings = ['--set', 'features.backbone=vgg16', '--set', 'features.weights=random', '--set', 'images.size=224', '--set', 'images.channels=rgb', '--set', 'split.take={train: 60, test: 4}'];
    const { status, stdout, stderr } = spawnSync('/usr/bin/time', ['-v', process.execPath, cli, 'run', 'quickstart', 'features', ...settings, '--json'], { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 30 });
    if (status !== 0) throw new Error(stderr);
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1));
    const { durationMs, rows: counted } = last.stages.features;
    const rate = counted.computed / (durationMs / 1000);
    say('VGG16 base 224×224 from PNG files, whole stage, random weights', { median: rate, min: rate, max: rate }, 'images/s', 'stated');
    const rss = Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1] ?? 0) / 1024;
    say('peak RSS of that extraction', { median: rss, min: rss, max: rss }, 'MB', '≤ 1500 MB');
    rmSync(folder, { recursive: true });
  },
};

if (!asJson) console.log('| figure | min / **median** / max | ratio [90 %] | target |\n|---|---|---|---|');
for (const [name, bench] of Object.entries(benches)) if (chosen.length === 0 || chosen.includes(name)) await bench();
if (asJson) console.log(JSON.stringify(rows));
