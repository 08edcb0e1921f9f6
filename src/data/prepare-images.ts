/** A group of images to the numbers that a network takes, in whichever thread this is called. */
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Digest } from '../base/digest.ts';
import type { Result } from '../base/result.ts';
import { drawChange } from '../images/augment.ts';
import { preparedSize, type SettledPixels } from '../images/pixel-spec.ts';
import { prepare } from '../images/prepare.ts';
import type { StoredImage } from '../images/stored-image.ts';
import { readImageFile } from './file-images.ts';

/** Can be sent from thread to thread. */
export interface ImageGroup {
  readonly images: readonly WantedImage[];
  readonly spec: SettledPixels;
  /** Where the images are augmented as the spec says: what the draws are keyed by, besides the image. */
  readonly draws?: { readonly seed: number; readonly epoch: number } | undefined;
  /** Where the numbers go, if it has the right length. */
  readonly into?: Float32Array<ArrayBuffer> | undefined;
}

/** An image by its file, or read already. */
export interface WantedImage {
  readonly digest: Digest;
  readonly from: string | Result<StoredImage, Diagnostic>;
}

export interface PreparedImages {
  /** [images, height, width, channels]; nothing is said of the places of images with problems. */
  readonly input: Float32Array<ArrayBuffer>;
  readonly problems: readonly { readonly place: number; readonly diagnostic: Diagnostic }[];
}

/** libvips decodes on libuv's threads; more in flight than those only costs memory. */
const IN_FLIGHT = 8;

export async function prepareImages({ images, spec, draws, into }: ImageGroup): Promise<PreparedImages> {
  const size = preparedSize(spec);
  const input = into?.length === images.length * size ? into : new Float32Array(images.length * size);
  const problems: { place: number; diagnostic: Diagnostic }[] = [];
  const waiting = images.entries();
  const work = async () => {
    for (const [place, { digest, from }] of waiting) {
      const stored = typeof from === 'string' ? readImageFile(from, digest) : from;
      const change =
        spec.augment && draws && drawChange(spec.augment, spec, { ...draws, image: Buffer.from(digest, 'hex') });
      const done = stored.ok ? await prepare(stored.value, spec, input, place * size, change ?? undefined) : stored;
      if (!done.ok) problems.push({ place, diagnostic: done.error });
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, images.length) }, work));
  return { input, problems: problems.sort((a, b) => a.place - b.place) };
}
