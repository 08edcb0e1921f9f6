/** What the main thread and the engine's worker thread say to each other. Arrays travel by transfer, not by copy. */
import type { ForwardProgram, StepResult, TrainBatch, TrainProgram, TrainState } from '../engine.ts';
import type { SessionOptions } from './runtime.ts';

export type Request =
  | { readonly do: 'open-forward'; readonly program: ForwardProgram; readonly options: SessionOptions }
  | {
      readonly do: 'forward';
      readonly session: number;
      readonly input: Float32Array<ArrayBuffer>;
      readonly rows: number;
    }
  | {
      readonly do: 'open-training';
      readonly program: TrainProgram;
      readonly trained: ReadonlySet<string>;
      readonly options: SessionOptions;
    }
  | { readonly do: 'step'; readonly session: number; readonly batch: TrainBatch }
  | {
      readonly do: 'predict';
      readonly session: number;
      readonly input: Float32Array<ArrayBuffer>;
      readonly rows: number;
    }
  | { readonly do: 'state'; readonly session: number; readonly only?: readonly string[] }
  | { readonly do: 'restore'; readonly session: number; readonly state: TrainState }
  | { readonly do: 'close'; readonly session: number };

/** What each request is answered with. */
export interface Answers {
  'open-forward': { readonly session: number; readonly outputShape: readonly number[] };
  forward: Float32Array<ArrayBuffer>;
  'open-training': { readonly session: number };
  step: StepResult;
  predict: { readonly probabilities: Float32Array<ArrayBuffer>; readonly input: Float32Array<ArrayBuffer> };
  state: TrainState;
  restore: null;
  close: null;
}

export type Answer = Answers[keyof Answers];

export interface Call {
  readonly id: number;
  readonly request: Request;
}

export type Reply = { readonly id: number; readonly answer: Answer } | { readonly id: number; readonly error: string };
