// The same work on several engines, devices and precisions, through the engine port: VGG16, a head's step, and where the time goes.
import { availableParallelism } from 'node:os';
import { interleave } from './pairs.mjs';
import { drawnNetwork, source, taken } from './source.mjs';

/**
 * @typedef {{ name: string, engine: string, device: string, precision?: 'float32' | 'tf32' | 'float16', command?: string }} Place
 * where and how something computes
 */

/** What the rows of a step are called. */
export const HEAD_STEP = "step of the tutorial's head";

const options = (device) => ({ threads: availableParallelism(), device });

/**
 * Opens the engine of a place.
 * @returns `{ engine }`, or `{ reason }` why it cannot be used
 */
export async function openEngine({ engine: id, device, precision }) {
  const { engineAdapters } = await source();
  const adapter = engineAdapters.find((one) => one.id === id);
  const opened = await withTensorFloat(precision === 'tf32', () => adapter.open(options(device)));
  if (!opened.ok) return { reason: opened.error.message };
  const engine = opened.value;
  if (engine.producer.device === device) return { engine };
  await engine.close();
  return { reason: `${id} runs on ${engine.producer.device} here, not on ${device}` };
}

/** The engines keep NVIDIA's libraries from rounding float32 to TF32, unless the variable says otherwise when they start. */
async function withTensorFloat(allowed, open) {
  const before = process.env.NVIDIA_TF32_OVERRIDE;
  if (allowed) process.env.NVIDIA_TF32_OVERRIDE = '1';
  const opened = await open();
  if (before === undefined) delete process.env.NVIDIA_TF32_OVERRIDE;
  else process.env.NVIDIA_TF32_OVERRIDE = before;
  return opened;
}

/** Opens sessions at all places, by `open(engine, place)`; those that cannot become rows that say why. */
async function openAll(places, open, what) {
  const opened = [];
  const absent = [];
  for (const place of places) {
    const { engine, reason } = await openEngine(place);
    const session = engine && (await open(engine, place));
    if (session?.ok) opened.push({ place, engine, session: session.value });
    else {
      await engine?.close();
      absent.push({
        what: `${what}: ${place.name}`,
        notRun: `not run: ${reason ?? session.error.message}`,
        command: place.command,
      });
    }
  }
  return { opened, absent };
}

async function closeAll(opened) {
  for (const { engine, session } of opened) {
    await session.close();
    await engine.close();
  }
}

const milliseconds = async (work) => {
  const started = performance.now();
  await work();
  return performance.now() - started;
};

/** Milliseconds an image of a program on a batch that lies in memory, the result in memory again. */
function forwardOf({ session }, program, batch) {
  const numbers = program.network.input.reduce((a, b) => a * b, batch);
  return async () => {
    const input = new Float32Array(numbers).fill(0.5);
    return (await milliseconds(() => session.run(input, batch))) / batch;
  };
}

const openForward =
  (program, batch) =>
  (engine, { precision }) =>
    engine.openForward({ ...program, ...(precision === 'float16' && { arithmetic: { kind: 'float16' } }) }, batch);

/**
 * VGG16's base at 224×224, all places in turn with the peers; compared with the first peer, or with the first place where there is none.
 * @param others by name: milliseconds an image
 * @param peak GFLOP/s of the device at this precision, where it is not the processor
 */
export async function* vgg16Rows(places, { rounds, batch, others = {}, absent: more = [], peak, suffix = '', target }) {
  const { program, flops } = await drawnNetwork('vgg16');
  const what = `VGG16 base from memory${suffix}`;
  const { opened, absent } = await openAll(places, openForward(program, batch), what);
  const timed = Object.fromEntries(opened.map((one) => [one.place.name, forwardOf(one, program, batch)]));
  for (const run of Object.values(timed)) await run();
  const { to, figures } = await compared(timed, others, rounds);
  for (const { name, figure } of figures)
    yield { what: `${what}: ${name}`, unit: 'ms an image', figure, to, flops, peak, ...(timed[name] && { target }) };
  yield* [...absent, ...more];
  await closeAll(opened);
}

/** In turn, with the first peer as what all are compared with, or the first place. */
async function compared(timed, others, rounds) {
  const alternatives = { ...timed, ...others };
  const [to] = [...Object.keys(others), ...Object.keys(timed)];
  const names = Object.keys(alternatives);
  const order = [...names.filter((name) => name !== to), ...names.filter((name) => name === to)];
  const figures = await interleave(Object.fromEntries(order.map((name) => [name, alternatives[name]])), rounds);
  return { to, figures: names.map((name) => ({ name, figure: figures[name] })) };
}

/** A step of a head with Adam from arrays in memory. */
export async function* headStepRows(
  places,
  { rounds, widths, batch, others = {}, absent: more = [], work, peak, target },
) {
  const { randomWeights } = await source();
  const network = headOf(widths);
  const open = (engine) =>
    engine.openTraining({
      network,
      weights: taken(randomWeights(network, 1)),
      classes: widths.at(-1),
      loss: 'cross-entropy',
      optimizer: { type: 'adam', learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
      batch,
      frozen: [],
      rateFactors: {},
      seed: 0,
    });
  const { opened, absent } = await openAll(places, open, HEAD_STEP);
  const timed = Object.fromEntries(opened.map((one) => [one.place.name, stepsOf(one.session, widths, batch)]));
  for (const run of Object.values(timed)) await run();
  const { to, figures } = await compared(timed, others, rounds);
  for (const { name, figure } of figures)
    yield {
      what: `${HEAD_STEP}: ${name}`,
      unit: 'ms a step',
      figure,
      to,
      ...work,
      peak,
      ...(timed[name] && { target }),
    };
  yield* [...absent, ...more];
  await closeAll(opened);
}

function headOf(widths) {
  const last = widths.length - 1;
  const layers = widths.slice(1).map((units, i) => ({
    type: 'dense',
    name: `dense-${i + 1}`,
    units,
    bias: true,
    init: 'glorot-uniform',
    activation: i + 1 === last ? 'linear' : i === 0 ? 'relu' : 'sigmoid',
  }));
  return { name: 'head', input: [widths[0]], layers };
}

/** Milliseconds of a step, the mean of twenty. */
function stepsOf(session, widths, rows) {
  const steps = 20;
  let input = new Float32Array(rows * widths[0]).fill(0.1);
  const labels = Int32Array.from({ length: rows }, (_, i) => i % widths.at(-1));
  const batch = { rows, labels, rowKeys: new Uint32Array(rows * 2), epoch: 0, learningRate: 1e-3 };
  return async () => {
    const whole = await milliseconds(async () => {
      for (let i = 0; i < steps; i++) {
        const step = await session.step({ ...batch, input });
        if (!Number.isFinite(step.loss)) throw new Error(`a loss of ${step.loss}`);
        input = step.input;
      }
    });
    return whole / steps;
  };
}

/**
 * Where the time of a frozen network goes: the way to the device and back, from a network that only takes the largest number of each
 * channel, and the rest, which is computing.
 */
export async function* splitRows(places, { rounds, batch }) {
  const { randomWeights } = await source();
  const { program, flops } = await drawnNetwork('vgg16');
  const side = program.network.input[0];
  const pool = { type: 'global-max-pool', name: 'largest' };
  const network = { name: 'copy', input: [side, side, 3], layers: [pool] };
  const carried = {
    kind: 'network',
    network,
    weights: taken(randomWeights(network, 1)),
    layer: pool.name,
    pooling: 'none',
  };
  for (const place of places) {
    const sessions = [];
    const absent = [];
    for (const one of [program, carried]) {
      const tried = await openAll([place], openForward(one, batch), 'where the time goes');
      sessions.push(...tried.opened);
      absent.push(...tried.absent);
    }
    if (absent.length > 0) yield absent[0];
    else {
      const [whole, copy] = [forwardOf(sessions[0], program, batch), forwardOf(sessions[1], carried, batch)];
      await whole();
      await copy();
      const figures = await interleave({ copy, whole }, rounds);
      const computing = { ...figures.whole, median: figures.whole.median - figures.copy.median };
      yield {
        what: `${place.name}: copying to the device and back`,
        unit: 'ms an image',
        figure: figures.copy,
        to: 'the whole',
      };
      yield {
        what: `${place.name}: computing (the whole less the copying)`,
        unit: 'ms an image',
        figure: computing,
        flops,
      };
    }
    await closeAll(sessions);
  }
}
