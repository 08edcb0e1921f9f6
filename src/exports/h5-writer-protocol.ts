/** What the main thread and the worker that writes HDF5 say to each other. */

export type H5WriteRequest =
  | { readonly type: 'create'; readonly path: string }
  | { readonly type: 'group'; readonly path: string }
  /** A text, or a list of texts. `group` is `/` for the file itself. */
  | {
      readonly type: 'attribute';
      readonly group: string;
      readonly name: string;
      readonly value: string | readonly string[];
    }
  | {
      readonly type: 'dataset';
      readonly group: string;
      readonly name: string;
      readonly shape: readonly number[];
      readonly numbers: Float32Array;
    }
  | { readonly type: 'close' };

export type H5WriteReply = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** Told apart by `type` alone: both ends are built together. */
export function isH5WriteRequest(message: unknown): message is H5WriteRequest {
  return typeof message === 'object' && message !== null && 'type' in message;
}

/** Told apart by `ok` alone: both ends are built together. */
export function isH5WriteReply(message: unknown): message is H5WriteReply {
  return typeof message === 'object' && message !== null && 'ok' in message;
}
