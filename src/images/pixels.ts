export interface Extent {
  readonly height: number;
  readonly width: number;
}

/** [height, width, channels], 8 bits. */
export interface Pixels extends Extent {
  readonly data: Uint8Array;
  readonly channels: number;
}
