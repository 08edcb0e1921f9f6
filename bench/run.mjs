// `npm run bench [-- NAME…]`: the figures of the README, each as a ratio within one run. `--json` for comparing two commits.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { interleave, row } from './pairs.mjs';
import { trainingBenches } from './training.mjs';

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

/** Images of the VGG16 bench. */
const COUNT = 64;
const rounds = Number(process.env.ROUNDS ?? 7);
/** The Python that has the peers: `--peers=/path/to/python`. */
const python = process.argv.find((word) => word.startsWith('--peers='))?.slice('--peers='.length);

/** Peers as processes that run once a line; none without `--peers`. */
async function openPeers(names, ...args) {
  const opened = {};
  for (const name of python ? names : []) {
    const child = spawn(python, [join(root, 'bench/peers.py'), name, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { done } = await lines.next();
    if (done) continue;
    opened[name] = {
      async run() {
        child.stdin.write('\n');
        return Number((await lines.next()).value);
      },
      close: () => child.stdin.end(),
    };
  }
  return opened;
}

/** Small PNG files that all differ, with their CSV. */
async function generatedImages(folder, count) {
  const { default: sharp } = await import('sharp');
  const images = join(folder, 'generated');
  mkdirSync(images);
  const lines = ['filename,label'];
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.alloc(16);
    pixels.writeUInt32LE(i * 2654435761 >>> 0);
    writeFileSync(join(images, `n${i}.png`), await sharp(pixels, { raw: { width: 4, height: 4, channels: 1 } }).png({ compressionLevel: 0 }).toBuffer());
    lines.push(`n${i}.png,${i % 10}`);
  }
  writeFileSync(join(folder, 'generated.csv'), `${lines.join('\n')}\n`);
  return { csv: 'generated.csv', images: 'generated' };
}

/** 25,088 features an image: block2_pool of VGG16 at 56×56. */
const headPipeline = (train) => JSON.stringify({
  stages: {
    data: { kind: 'ingest-csv', with: { train } },
    images: { kind: 'preprocess', from: 'data', with: { size: 56 } },
    features: { kind: 'extract-features', from: 'images', with: { backbone: 'vgg16', weights: 'random', layer: 'block2_pool' } },
    head: {
      kind: 'train-head',
      from: 'features',
      with: { layers: [{ dense: { units: 1000, activation: 'relu' } }, { dense: { units: 500, activation: 'sigmoid' } }, { dense: { units: 150, activation: 'sigmoid' } }], batch: 128 },
    },
  },
});

/** A head of 512-64-10, ten epochs, with its score. */
const smallHeadPipeline = (train) => JSON.stringify({
  stages: {
    data: { kind: 'ingest-csv', with: { train } },
    split: { kind: 'split', from: 'data', with: { validation: 0.2 } },
    images: { kind: 'preprocess', from: 'split', with: { size: 32 } },
    features: { kind: 'extract-features', from: 'images', with: { backbone: 'vgg16', weights: 'random', pooling: 'average' } },
    head: { kind: 'train-head', from: 'features', with: { layers: [{ dense: { units: 64, activation: 'relu' } }], epochs: 10, batch: 64 } },
    score: { kind: 'evaluate', from: { model: 'head', data: 'features' }, with: { on: 'validation' } },
  },
});

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

  /** VGG16's base at 224×224 from PNG files, random weights of the true shapes; Python's own, where there is one. */
  async vgg16() {
    const folder = project();
    const images = join(folder, 'data-examples/digits/images/train');
    const files = readdirSync(images).sort();
    for (const name of files.slice(COUNT)) rmSync(join(images, name));
    const csv = join(folder, 'data-examples/digits/train.csv');
    const lines = readFileSync(csv, 'utf8').trimEnd().split('\n');
    writeFileSync(csv, `${lines.filter((line, i) => i === 0 || existsSync(join(images, line.split(',')[0]))).join('\n')}\n`);
    rmSync(join(folder, 'data-examples/digits/test.csv'));
    const pipeline = join(folder, 'pipelines/quickstart.yaml');
    writeFileSync(pipeline, readFileSync(pipeline, 'utf8').replace(/^ {6}test:.*\n/m, ''));
    const base = ['run', 'quickstart', 'features', '--no-cache', '--set', 'features.backbone=vgg16', '--set', 'features.weights=random', '--set', 'images.size=224', '--set', 'images.channels=rgb', '--set', 'split.validation=0.2'];
    const peers = await openPeers(['vgg16-keras', 'vgg16-openvino'], images);
    // The difference of two runs: loading, drawing weights and compiling fall out, as they do for the peers.
    const stageMs = (take) => lastLine([...base, '--set', `split.take=${take}`], folder).stages.features.durationMs;
    const ours = () => (stageMs(COUNT) - stageMs(COUNT / 4)) / (COUNT * 0.75);
    const alternatives = Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, async () => ((await peer.run()) * 1000) / COUNT]));
    const figures = await interleave({ ...alternatives, pipe: ours }, rounds);
    for (const name of Object.keys(peers)) say(`VGG16 base 224×224 from PNG files, random weights: ${name}, to pipe`, figures[name], 'ms an image', '≥ 0.95 ×');
    say('the same: pipe', { ...figures.pipe, ratio: undefined, interval: undefined }, 'ms an image', '');
    for (const peer of Object.values(peers)) peer.close();
    const { stderr } = spawnSync('/usr/bin/time', ['-v', process.execPath, cli, ...base], { cwd: folder, encoding: 'utf8' });
    const rss = Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1] ?? 0) / 1024;
    say('peak RSS of that extraction', { median: rss, min: rss, max: rss }, 'MB', '≤ 1500 MB');
    rmSync(folder, { recursive: true });
  },

  /** A step of the tutorial's head, batches read from the cache: from runs of 2 and 5 epochs, so that all else falls out. */
  async head() {
    const folder = project();
    writeFileSync(join(folder, 'head.yaml'), headPipeline(await generatedImages(folder, 1500)));
    lastLine(['run', 'head.yaml', 'features'], folder);
    const seconds = (epochs, seed) => lastLine(['run', 'head.yaml', 'head', '--set', `head.epochs=${epochs}`, '--set', `seed=${seed}`], folder).stages.head.durationMs / 1000;
    const steps = Math.ceil(1500 / 128);
    let seed = 0;
    const ours = () => {
      seed++;
      return ((seconds(5, seed) - seconds(2, seed)) * 1000) / (3 * steps);
    };
    const peers = await openPeers(['head-keras']);
    const alternatives = Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, async () => ((await peer.run()) * 1000) / 20]));
    const figures = await interleave({ pipe: ours, ...alternatives }, rounds);
    say('a step of the head 25088-1000-500-150-10, batch 128, Adam, read from the cache, to tf.function', figures.pipe, 'ms', '≤ 0.85 ×');
    for (const peer of Object.values(peers)) peer.close();
    const { stderr } = spawnSync('/usr/bin/time', ['-v', process.execPath, cli, 'run', 'head.yaml', 'head', '--set', 'head.epochs=2', '--set', 'seed=99'], { cwd: folder, encoding: 'utf8' });
    const rss = Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1] ?? 0) / 1024;
    say('peak RSS of that training', { median: rss, min: rss, max: rss }, 'MB', '≤ 800 MB');
    rmSync(folder, { recursive: true });
  },

  /** Twenty heads of 512-64-10 over cached features of 2,000 images, ten epochs each: the whole process, with its start. */
  async sweep() {
    const folder = project();
    const train = await generatedImages(folder, 2000);
    writeFileSync(join(folder, 'sweep.yaml'), smallHeadPipeline(train));
    lastLine(['run', 'sweep.yaml', 'features'], folder);
    let base = 0.0005;
    const twenty = () => {
      const rates = Array.from({ length: 20 }, (_, i) => (base + i * 1e-5).toFixed(5));
      base += 0.001;
      return processMs([cli, 'sweep', 'sweep.yaml', '--over', `head.optimizer.adam.learningRate=${rates.join()}`, '--quiet'], folder);
    };
    const again = () => processMs([cli, 'sweep', 'sweep.yaml', '--over', 'head.optimizer.adam.learningRate=0.0005,0.00051,0.00052', '--quiet'], folder);
    const figures = await interleave({ twenty, again, cached: () => processMs([cli, 'run', 'sweep.yaml', 'features'], folder) }, rounds);
    say('sweep of 20 heads of 512-64-10 over cached features, whole process', { ...figures.twenty, ratio: undefined, interval: undefined }, 'ms', '≤ 2500 ms');
    say('a finished sweep again (3 trials), to a cached run', figures.again, 'ms', '≤ 2 ×');
    rmSync(folder, { recursive: true });
  },

  ...trainingBenches({ cli, project, generatedImages, headPipeline, smallHeadPipeline, lastLine, processMs, openPeers, say, rounds }),
};

if (!asJson) console.log('| figure | min / **median** / max | ratio [90 %] | target |\n|---|---|---|---|');
for (const [name, bench] of Object.entries(benches)) if (chosen.length === 0 || chosen.includes(name)) await bench();
if (asJson) console.log(JSON.stringify(rows));
