/** What the main thread and an engine's own thread or process say to each other. */
import type { Device, ForwardProgram, Piece, StepResult, TrainBatch, TrainProgram, TrainState } from '../engine.ts';
import type { SessionInput } from '../session-input.ts';

/** How sessions are opened. */
export interface SessionOptions {
  readonly threads: number;
  readonly device: Device;
}

export interface SentInput {
  /** None of a shared input that was sent before. */
  readonly numbers?: Float32Array<ArrayBuffer>;
  /** The number of a shared input, which stays at the other end until it is forgotten. */
  readonly shared?: number;
}

export type Request =
  | { readonly do: 'introduce'; readonly device: Device | undefined }
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
  | {
      readonly do: 'step';
      readonly session: number;
      readonly batch: Omit<TrainBatch, 'input' | 'shared'>;
      readonly input: SentInput;
    }
  | {
      readonly do: 'predict';
      readonly session: number;
      readonly input: SentInput;
      readonly rows: Pick<SessionInput, 'rows' | 'places'>;
    }
  /** A shared input is not needed any more. */
  | { readonly do: 'forget'; readonly shared: number }
  | { readonly do: 'state'; readonly session: number; readonly only?: readonly string[]; readonly piece?: Piece }
  | { readonly do: 'restore'; readonly session: number; readonly state: TrainState }
  | { readonly do: 'close'; readonly session: number };

/** What an engine says of itself once its library is loaded. */
export interface Introduction {
  readonly version: string;
  readonly device: Device;
}

/** What each request is answered with. */
export interface Answers {
  introduce: Introduction;
  'open-forward': {
    readonly session: number;
    readonly outputShape: readonly number[];
    readonly kept?: readonly string[];
    readonly means?: number;
  };
  /** The input, as that of a step. */
  forward: { readonly output: Float32Array<ArrayBuffer>; readonly input?: Float32Array<ArrayBuffer> };
  'open-training': { readonly session: number };
  /** Where arrays do not travel by transfer, or the input is shared, it is not sent back: the caller still has it. */
  step: Pick<StepResult, 'loss'> & Partial<StepResult>;
  predict: { readonly probabilities: Float32Array<ArrayBuffer> };
  /** The memory of the input, for the next one; not where arrays do not travel by transfer. */
  forget: { readonly numbers?: Float32Array<ArrayBuffer> };
  state: TrainState;
  restore: null;
  close: null;
}

export type Answer = Answers[keyof Answers];

export interface Call {
  readonly id: number;
  readonly request: Request;
}

/** A refused forward pass gives its input back, so that it can be tried in parts. */
export type Reply =
  | { readonly id: number; readonly answer: Answer }
  | { readonly id: number; readonly error: string; readonly input?: Float32Array<ArrayBuffer> };
