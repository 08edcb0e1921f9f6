/**
 * The engine port: a numeric library behind two kinds of session. Every engine runs the same TensorFlow.js program for a
 * network, a loss and an optimizer; `ort` traces it into ONNX, `tfjs-*` run it eagerly, tfjs' CPU backend is the reference.
 */
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Result } from '../base/result.ts';
import type { Network, Shape, Weights, WeightTensor } from '../networks/network.ts';
import type { Optimizer } from '../networks/optimizer.ts';
import type { SessionInput } from './session-input.ts';

export type EngineId = 'ort' | 'tfjs-node-gpu' | 'tfjs-node' | 'tfjs-cpu';
export type Device = 'cpu' | 'cuda' | 'webgpu';
export type Precision = 'float32' | 'float16' | 'int8';

/** Who computed an artifact. Recorded with every row and model; part of a key only under `--strict-engine`. */
export interface Producer {
  readonly engine: EngineId;
  readonly version: string;
  readonly device: Device;
}

/** How a frozen network computes, where it is not float32. */
export type Arithmetic =
  /**
   * Gives, in place of its output, what quantising needs, [2 · values + means] a row: the least number of each value, the largest, and the
   * means of channels. `CalibrationFold` makes one of all rows.
   */
  | { readonly kind: 'calibration' }
  /** Eight-bit integers. `ranges`: what calibration gave, folded. */
  | { readonly kind: 'int8'; readonly ranges: Float32Array }
  | { readonly kind: 'float16' };

/** What a forward pass runs: a network of ours, or somebody's ONNX file. */
export type ForwardProgram = { readonly arithmetic?: Arithmetic } & (
  | {
      readonly kind: 'network';
      readonly network: Network;
      readonly weights: Weights;
      /** Name of the layer whose output is wanted. */
      readonly layer: string;
      /** Over height and width, where the output has them. */
      readonly pooling: 'none' | 'average' | 'max';
    }
  | {
      readonly kind: 'onnx';
      /** A model that has passed the checks of `weights/onnx-file.ts`: one float input, one output, no external data. */
      readonly bytes: Uint8Array;
      readonly input: {
        readonly name: string;
        readonly layout: 'nhwc' | 'nchw';
        /** Height, width, channels. */
        readonly shape: Shape;
        /** Whether the model insists on one image at a time. */
        readonly single: boolean;
      };
      readonly output: string;
      readonly pooling: 'none' | 'average' | 'max';
    }
);

/** Runs frozen networks. Rows are independent: a row's output has the same bits in whatever batch it runs. */
export interface ForwardSession {
  /** Shape of one output row, without the batch. */
  readonly outputShape: Shape;
  /** Who computes, where it is not the engine that opened the session. */
  readonly producer?: Producer;
  /** Of a calibration: how many of the last numbers of a row are means. */
  readonly means?: number | undefined;
  /**
   * `rows` inputs in one row-major channels-last array; resolves to `rows` outputs. The input array may be detached.
   * @param giveBack takes an array of its length for reuse, once that is no longer read
   */
  run(
    input: Float32Array<ArrayBuffer>,
    rows: number,
    giveBack?: (input: Float32Array<ArrayBuffer>) => void,
  ): Promise<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
}

export interface TrainProgram {
  readonly network: Network;
  readonly weights: Weights;
  /** The session may take over the arrays of `weights` (they may be detached): the caller has no more use for them. */
  readonly handOver?: boolean;
  readonly classes: number;
  /** Softmax cross-entropy on the logits of the last layer (which must be linear with `classes` units). */
  readonly loss: 'cross-entropy';
  readonly optimizer: Optimizer;
  /** Rows of a full batch; smaller ones are allowed. */
  readonly batch: number;
  /** Names of layers whose weights stay as they are (their batch norm then uses its stored statistics). */
  readonly frozen: readonly string[];
  /** Factor on the learning rate by layer name, 1 where absent. */
  readonly rateFactors: Readonly<Record<string, number>>;
  /** Seed of the dropout masks: a row's mask depends on (seed, layer, row key, epoch) alone. */
  readonly seed: number;
}

export interface TrainBatch extends SessionInput {
  /** Class index a row. */
  readonly labels: Int32Array;
  /** Weight a row, 1 by default; the loss is Σ wᵢ·lossᵢ / rows, as Keras reduces it. */
  readonly sampleWeights?: Float32Array;
  /** Two 32-bit words a row: the first eight bytes of its image digest, little-endian. Keys of the dropout masks: empty where the network has none. */
  readonly rowKeys: Uint32Array;
  readonly epoch: number;
  readonly learningRate: number;
}

export interface StepResult {
  /** Mean loss of the batch with regularization, before the update. */
  readonly loss: number;
  /** The batch's input array again, for reuse. */
  readonly input: Float32Array<ArrayBuffer>;
}

/** Consecutive numbers of a tensor; its end ends the piece too. */
export interface Piece {
  readonly from: number;
  readonly count: number;
}

/** Optimizer state and weights: enough to go on to the same bits. */
export interface TrainState {
  readonly step: number;
  /** Weight name to numbers, trainable and not. */
  readonly weights: ReadonlyMap<string, WeightTensor>;
  /** `<weight>/<slot>` to numbers, such as `dense/kernel/m`. */
  readonly slots: ReadonlyMap<string, WeightTensor>;
}

export interface TrainSession {
  /**
   * One step; several may be given at once and run in order. After a loss that is no number weights move no more, and the
   * steps after it give NaN.
   */
  step(batch: TrainBatch): Promise<StepResult>;
  /** Probabilities (softmax of the logits) with dropout off and batch norm's moving statistics. */
  predict(input: SessionInput): Promise<Float32Array<ArrayBuffer>>;
  /**
   * Copies of the state; of the weights and slots named in `only` where it is given, and of some of their numbers, so that a
   * large state can be taken piece by piece.
   */
  state(only?: readonly string[], piece?: Piece): Promise<TrainState>;
  /** Puts back what `state` gave, whole or some of its weights and slots; the others stay as they are. */
  restore(state: TrainState): Promise<void>;
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly threads: number;
  /** The best that the engine has, unless given. */
  readonly device?: Device | undefined;
  /** Told what the engine does other than it was asked, such as computing with smaller batches. */
  readonly warn?: (diagnostic: Diagnostic) => void;
}

export interface Engine {
  readonly producer: Producer;
  /** Whether it broke down: its sessions throw `EngineFault`, and it opens no more of them. */
  readonly broken: boolean;
  openForward(program: ForwardProgram, batch: number): Promise<Result<ForwardSession, Diagnostic>>;
  openTraining(program: TrainProgram): Promise<Result<TrainSession, Diagnostic>>;
  close(): Promise<void>;
}

/** What is known of an engine here, from trying it. */
export interface Probe {
  readonly usable: boolean;
  /** Why it is not usable, or what it is. */
  readonly reason: string;
  readonly version?: string;
  readonly device?: Device;
  /** Where its library lies, where that is not inside of pipe. */
  readonly place?: string;
  /** Other devices than the first. */
  readonly devices?: readonly { readonly device: Device; readonly usable: boolean; readonly reason: string }[];
  /** What stands in the way of using it better, such as a GPU without its driver. */
  readonly notes?: readonly Diagnostic[];
}

/** One row of the lazy engine table: light to import, heavy only in `probe` and `open`. */
export interface EngineAdapter {
  readonly id: EngineId;
  /** Whether it can be used here, and if not why: by trying, in a child process where a native crash is possible. */
  probe(): Promise<Probe>;
  /** Changes when another version or build takes the engine's place: measurements of the old one count no more. */
  stamp(): string | undefined;
  open(options: EngineOptions): Promise<Result<Engine, Diagnostic>>;
}
