/** What the main thread and the HDF5 worker say to each other. */

/** A dataset that holds one weight. */
export interface H5Weight {
  /** Path inside the file. */
  readonly path: string;
  readonly shape: readonly number[];
}

/** A layer as the file lists it; `weights` in the order in which Keras writes them. */
export interface H5Layer {
  readonly name: string;
  readonly weights: readonly H5Weight[];
}

export interface H5Contents {
  readonly layers: readonly H5Layer[];
  /** JSON of the architecture, in files written by `model.save`. */
  readonly modelConfig: string | null;
}

export type H5Request =
  | { readonly type: 'open'; readonly path: string }
  | { readonly type: 'read'; readonly path: string };

/** `damaged`: not readable; `unsafe`: refused; `unsupported`: fine but not for us. Messages go on from the file's name. */
export type H5Fault = 'damaged' | 'unsafe' | 'unsupported';

export type H5Reply =
  | { readonly type: 'opened'; readonly contents: H5Contents }
  | { readonly type: 'numbers'; readonly numbers: Float32Array<ArrayBuffer> }
  | { readonly type: 'fault'; readonly fault: H5Fault; readonly message: string };

/** Told apart by `type` alone: both ends are built together. */
export function isH5Reply(message: unknown): message is H5Reply {
  return typeof message === 'object' && message !== null && 'type' in message;
}

/** Told apart by `type` alone: both ends are built together. */
export function isH5Request(message: unknown): message is H5Request {
  return typeof message === 'object' && message !== null && 'type' in message;
}
