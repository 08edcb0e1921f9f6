// A machine with an NVIDIA GPU: every engine that computes there, against torch on the same card.
import { HEAD_STEP, headStepRows, splitRows, vgg16Rows } from '../engine-work.mjs';
import { interleave } from '../pairs.mjs';
import { asAlternatives, openPeers } from '../peers.mjs';
import { emptyProject, generatedImages, stageSeconds, writePipeline } from '../project.mjs';
import { drawnNetwork, source } from '../source.mjs';
import { denseStep } from '../work.mjs';
import { HEAD } from './heads.mjs';
import { blotFiles, preparing } from './input.mjs';

const BATCH = 32;
const precisions = ['float32', 'tf32', 'float16'];

/** Engines that compute on the card, with what installs them. WebGPU knows no TF32. */
const engines = [
  { name: 'tfjs-node-gpu', engine: 'tfjs-node-gpu', device: 'cuda', install: 'pipe engines install tfjs-node-gpu' },
  { name: 'ort cuda', engine: 'ort', device: 'cuda', install: 'pipe engines install cuda' },
  { name: 'ort webgpu', engine: 'ort', device: 'webgpu' },
];

function placesOf(precision, command) {
  return engines
    .filter(({ device }) => precision !== 'tf32' || device === 'cuda')
    .map(({ install, ...place }) => ({ ...place, precision, command: install ? `${install} && ${command}` : command }));
}

/** Why nothing here can run, or undefined. */
async function withoutGpu() {
  const { hasNvidiaDriver } = await source();
  return hasNvidiaDriver() ? undefined : 'no NVIDIA GPU with its driver here';
}

/** Rows that say why nothing was run. */
function absences(what, places, reason) {
  return places.map(({ name, command }) => ({ what: `${what}: ${name}`, notRun: `not run: ${reason}`, command }));
}

const torchAbsent = (what, command) => ({
  what: `${what}: torch`,
  notRun: 'not run: no --peers with a torch for CUDA',
  command: `${command} --peers PYTHON`,
});

/** torch on the card, or rows that say why it is not there. */
async function torch(settings, words, what, command) {
  if (settings.peers.length === 0) return { open: {}, absent: [torchAbsent(what, command)], close() {} };
  return openPeers(settings, what, { torch: words });
}

/** GFLOP/s of torch's product of two large matrices on the card: what a figure's share is of. */
async function peakOf(settings, precision) {
  if (settings.peers.length === 0) return undefined;
  const peers = await openPeers(settings, '', { torch: ['product-torch', 'cuda', precision] });
  const figure = peers.open.torch && (await interleave(asAlternatives(peers, 1), 5));
  peers.close();
  return (
    figure && {
      figure: Object.values(figure)[0],
      gflops: (2 * 8192 ** 3) / (Object.values(figure)[0].min / 1000) / 1e9,
    }
  );
}

const vgg16 = {
  computes: 'card',
  name: 'gpu-vgg16',
  what: `VGG16's base at 224×224 in float32, TF32 and float16, batches of ${BATCH} from memory to memory, against torch`,
  async *run(settings) {
    const command = 'npm run bench -- --gpu gpu-vgg16';
    const reason = await withoutGpu();
    for (const precision of precisions) {
      const suffix = ` in ${precision}`;
      const places = placesOf(precision, command);
      if (reason) {
        yield* absences(`VGG16 base from memory${suffix}`, places, reason);
        yield torchAbsent(`VGG16 base from memory${suffix}`, command);
        continue;
      }
      const peak = await peakOf(settings, precision);
      if (peak)
        yield {
          what: `product of two 8192² matrices${suffix}: torch`,
          unit: 'ms',
          figure: peak.figure,
          flops: 2 * 8192 ** 3,
          peak: peak.gflops,
        };
      const peers = await torch(
        settings,
        ['vgg16-memory-torch', 'cuda', precision, String(BATCH)],
        `VGG16 base from memory${suffix}`,
        command,
      );
      const others = asAlternatives(peers, BATCH);
      yield* vgg16Rows(places, {
        rounds: settings.rounds(9),
        batch: BATCH,
        others,
        absent: peers.absent,
        peak: peak?.gflops,
        suffix,
        target: '≤ 1.25 ×',
      });
      peers.close();
    }
  },
};

const files = {
  computes: 'card',
  name: 'gpu-vgg16-files',
  what: 'the same in float32 and float16 end to end: a run from PNG files to stored features, from runs of 2,048 images and of 512, against torch with threads that decode',
  async *run(settings) {
    const command = 'npm run bench -- --gpu gpu-vgg16-files';
    const whatIn = (precision) => `VGG16 base from PNG files in ${precision}`;
    const stored = ['float32', 'float16'];
    const reason = await withoutGpu();
    if (reason) {
      for (const precision of stored) {
        yield* absences(whatIn(precision), placesOf(precision, command), reason);
        yield torchAbsent(whatIn(precision), command);
      }
      return;
    }
    const [count, part] = [2048, 512];
    const folder = emptyProject();
    writePipeline(folder, 'vgg16.yaml', {
      data: { kind: 'ingest-csv', with: { train: await generatedImages(folder, count) } },
      some: { kind: 'split', from: 'data', with: {} },
      images: { kind: 'preprocess', from: 'some', with: { size: 224 } },
      features: { kind: 'extract-features', from: 'images', with: { backbone: 'vgg16', weights: 'random' } },
    });
    const { flops } = await drawnNetwork('vgg16');
    for (const precision of stored) {
      const what = whatIn(precision);
      const peers = await torch(
        settings,
        ['vgg16-files-torch', 'cuda', precision, String(BATCH), `${folder}/generated`],
        what,
        command,
      );
      const others = asAlternatives(peers, count);
      for (const place of placesOf(precision, command)) {
        const base = ['run', 'vgg16.yaml', 'features', '--no-cache', '--set', `features.precision=${precision}`];
        const words = [...base, '--engine', place.engine, '--device', place.device];
        const seconds = (some) => stageSeconds([...words, ...some], folder, 'features');
        const pipe = () => ((seconds([]) - seconds(['--set', `some.take=${part}`])) * 1000) / (count - part);
        try {
          const figures = await interleave({ [place.name]: pipe, ...others }, settings.rounds(3));
          for (const [name, figure] of Object.entries(figures))
            yield {
              what: `${what}: ${name}`,
              unit: 'ms an image',
              figure,
              to: Object.keys(others)[0],
              target: '≤ 1.25 ×',
              flops,
            };
        } catch (error) {
          yield* absences(what, [place], error.message.slice(0, 200));
        }
      }
      yield* peers.absent;
      peers.close();
    }
  },
};

const split = {
  computes: 'card',
  name: 'gpu-split',
  what: 'where the time of VGG16 goes: preparing images, copying them to the card and back, computing',
  async *run(settings) {
    const command = 'npm run bench -- --gpu gpu-split';
    const places = placesOf('float32', command);
    const reason = await withoutGpu();
    if (reason) {
      yield* absences('preparing, copying and computing', places, reason);
      return;
    }
    yield* splitRows(places, { rounds: settings.rounds(9), batch: BATCH });
    const { msAnImage } = await preparing((images) => blotFiles(images, 2668));
    const { preparing: figure } = await interleave({ preparing: msAnImage('alone') }, settings.rounds(5));
    yield { what: 'preparing PNGs of 28×28 on the processor, meanwhile', unit: 'ms an image', figure };
  },
};

const headStep = {
  computes: 'card',
  name: 'gpu-head-step',
  what: "a step of the tutorial's head, batch 128 from memory, against torch",
  async *run(settings) {
    const command = 'npm run bench -- --gpu gpu-head-step';
    const what = HEAD_STEP;
    const places = placesOf('float32', command);
    const reason = await withoutGpu();
    if (reason) {
      yield* absences(what, places, reason);
      yield torchAbsent(what, command);
      return;
    }
    const peers = await torch(settings, ['head-torch', 'cuda', 'float32'], what, command);
    yield* headStepRows(places, {
      rounds: settings.rounds(9),
      widths: HEAD,
      batch: 128,
      others: asAlternatives(peers, 20),
      absent: peers.absent,
      work: { flops: denseStep(HEAD, 128).flops },
      target: '≤ 1.25 ×',
    });
    peers.close();
  },
};

export const cases = [vgg16, files, split, headStep];
