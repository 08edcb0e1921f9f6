/** The engine's thread: `run()` of ONNX Runtime blocks its event loop, so the main thread's stays free. */
import { parentPort } from 'node:worker_threads';
import { Forward } from './forward-session.ts';
import type { Answer, Call, Reply, Request } from './protocol.ts';
import { useTraceBackend } from './trace.ts';
import { Training } from './training.ts';

const port = parentPort;
if (!port) throw new Error('the engine worker runs in a worker thread only');

const sessions = new Map<number, Forward | Training>();
let opened = 0;
/** Requests one after another, in the order in which they came. */
let queue: Promise<void> = Promise.resolve();

port.on('message', (call: Call) => {
  queue = queue.then(async () => {
    try {
      const { answer, transfer } = await handle(call.request);
      const reply: Reply = { id: call.id, answer };
      port.postMessage(reply, transfer);
    } catch (error) {
      const reply: Reply = { id: call.id, error: error instanceof Error ? error.message : String(error) };
      port.postMessage(reply);
    }
  });
});

interface Handled {
  readonly answer: Answer;
  readonly transfer: ArrayBuffer[];
}

async function handle(request: Request): Promise<Handled> {
  switch (request.do) {
    case 'open-forward': {
      await useTraceBackend();
      const session = await Forward.open(request.program, request.options);
      return { answer: { session: keep(session), outputShape: session.outputShape }, transfer: [] };
    }
    case 'open-training': {
      await useTraceBackend();
      return {
        answer: { session: keep(await Training.open(request.program, request.trained, request.options)) },
        transfer: [],
      };
    }
    case 'forward': {
      const output = await forwardOf(request.session).run(request.input, request.rows);
      return { answer: output, transfer: [output.buffer] };
    }
    case 'step': {
      const result = await trainingOf(request.session).step(request.batch);
      return { answer: result, transfer: [result.input.buffer] };
    }
    case 'predict': {
      const probabilities = await trainingOf(request.session).predict(request.input, request.rows);
      return {
        answer: { probabilities, input: request.input },
        transfer: [probabilities.buffer, request.input.buffer],
      };
    }
    case 'state': {
      const state = trainingOf(request.session).state(request.only);
      const buffers = [...state.weights.values(), ...state.slots.values()].flatMap(({ data }) =>
        data.buffer instanceof ArrayBuffer ? [data.buffer] : [],
      );
      return { answer: state, transfer: buffers };
    }
    case 'restore':
      trainingOf(request.session).restore(request.state);
      return { answer: null, transfer: [] };
    case 'close':
      await sessions.get(request.session)?.close();
      sessions.delete(request.session);
      return { answer: null, transfer: [] };
  }
}

function keep(session: Forward | Training): number {
  sessions.set(++opened, session);
  return opened;
}

function forwardOf(id: number): Forward {
  const session = sessions.get(id);
  if (!(session instanceof Forward)) throw new Error(`no forward session ${id}`);
  return session;
}

function trainingOf(id: number): Training {
  const session = sessions.get(id);
  if (!(session instanceof Training)) throw new Error(`no training session ${id}`);
  return session;
}
