// The engines that are installed, on the CPU.

import { HEAD_STEP, headStepRows, vgg16Rows } from '../engine-work.mjs';
import { asAlternatives, openPeers } from '../peers.mjs';
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

export const cases = [headStep, forward];
