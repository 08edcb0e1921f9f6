/** Small derived bytes that may be lost at any time: checksummed, written without fsync, a damaged one is a miss. */
export interface Memo {
  /** The bytes stored under a key (any string), or undefined. */
  get(key: string): Uint8Array | undefined;
  set(key: string, bytes: Uint8Array): void;
}
