// The engines that are installed: how fast they are on the CPU, and that their results agree.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HEAD_STEP, headStepRows, openEngine, vgg16Rows } from '../engine-work.mjs';
import { spread } from '../pairs.mjs';
import { asAlternatives, openPeers } from '../peers.mjs';
import { lastLine, quickstart } from '../project.mjs';
import { source } from '../source.mjs';
import { denseStep } from '../work.mjs';
import { HEAD } from './heads.mjs';

const places = [
  { name: 'ort', engine: 'ort', device: 'cpu' },
  { name: 'tfjs-node', engine: 'tfjs-node', device: 'cpu', command: 'pipe engines install tfjs-node' },
];

const headStep = {
  computes: 'processor',
  name: 'head-step-engines',
  what: "a step of the tutorial's head through the engine port: ONNX Runtime's traced program against tfjs-node's kernels",
  async *run(settings) {
    const peers = await openPeers(settings, HEAD_STEP, {
      Keras: ['head-keras'],
      torch: ['head-torch', 'cpu', 'float32'],
    });
    yield* headStepRows(places, {
      rounds: settings.rounds(7),
      widths: HEAD,
      batch: 128,
      others: asAlternatives(peers, 20),
      absent: peers.absent,
      work: denseStep(HEAD, 128),
    });
    peers.close();
  },
};

const forward = {
  computes: 'processor',
  name: 'vgg16-engines',
  what: "VGG16's base at 224×224 through the engine port, from memory to memory",
  async *run(settings) {
    yield* vgg16Rows(places, { rounds: settings.rounds(5), batch: 8 });
  },
};

const others = [
  { engine: 'tfjs-node', device: 'cpu', command: 'pipe engines install tfjs-node' },
  { engine: 'tfjs-node-gpu', device: 'cpu', command: 'pipe engines install tfjs-node-gpu' },
  { engine: 'tfjs-node-gpu', device: 'cuda', command: 'pipe engines install tfjs-node-gpu' },
  { engine: 'ort', device: 'cuda', command: 'pipe engines install cuda' },
  { engine: 'ort', device: 'webgpu' },
];

/** Features and log-loss of the quickstart on an engine, through the command line. */
async function outcomeOf(folder, { engine, device }) {
  const { decodeNpy } = await source();
  const last = lastLine(['run', 'quickstart', '--no-cache', '--engine', engine, '--device', device], folder);
  const features = decodeNpy(readFileSync(join(folder, 'results', 'quickstart', 'features.npy'))).numbers;
  return { features, logLoss: last.metrics.score['log-loss'] };
}

const agree = {
  computes: 'processor',
  name: 'engines-agree',
  what: 'how far the features and the log-loss of the quickstart are from those of ort on the CPU, for every engine that is usable',
  async *run() {
    const folder = quickstart();
    const table = '  table: { kind: export-features, from: features, with: { format: npy } }\n';
    appendFileSync(join(folder, 'pipelines', 'quickstart.yaml'), table);
    const expected = await outcomeOf(folder, { engine: 'ort', device: 'cpu' });
    const largest = expected.features.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    for (const place of others) {
      const what = `${place.engine} on ${place.device}`;
      const { engine, reason } = await openEngine(place);
      if (!engine) {
        yield { what, notRun: `not run: ${reason}`, command: place.command };
        continue;
      }
      await engine.close();
      const { features, logLoss } = await outcomeOf(folder, place);
      const apart = features.reduce((most, x, i) => Math.max(most, Math.abs(x - expected.features[i])), 0);
      yield {
        what: `${what}: features`,
        unit: '10⁻⁶ of the largest',
        figure: spread([(1e6 * apart) / largest]),
        target: '≤ 100',
      };
      yield {
        what: `${what}: log-loss`,
        unit: '10⁻⁶',
        figure: spread([1e6 * Math.abs(logLoss - expected.logLoss)]),
        target: '≤ 1000',
      };
    }
  },
};

export const cases = [headStep, forward, agree];
