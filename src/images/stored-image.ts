/** One image as stored: an encoded file, or pixels of a raw format (IDX, CIFAR), row-major channels-last. */
export type StoredImage =
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array; readonly path: string }
  | {
      readonly kind: 'raw';
      readonly pixels: Uint8Array;
      readonly height: number;
      readonly width: number;
      readonly channels: number;
      readonly path: string;
    };
