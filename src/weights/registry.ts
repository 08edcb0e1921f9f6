/** The weights files that Keras publishes for the built-in networks: names, addresses, sizes and hashes as Keras has them. */

import { join } from 'node:path';

export interface CanonicalFile {
  /** Name of the file, and what `pipe weights fetch` takes. */
  readonly name: string;
  readonly url: string;
  readonly backbone: string;
  readonly alpha: number;
  readonly top: boolean;
  /** Length in bytes, where it is known. */
  readonly bytes: number | undefined;
  /** The published hash. Keras publishes none for MobileNet: the first copy that comes is pinned by its SHA-256. */
  readonly md5: string | undefined;
}

const BASE = 'https://storage.googleapis.com/tensorflow/keras-applications';

function vgg(backbone: 'vgg16' | 'vgg19', top: boolean, bytes: number, md5: string): CanonicalFile {
  const name = `${backbone}_weights_tf_dim_ordering_tf_kernels${top ? '' : '_notop'}.h5`;
  return { name, url: `${BASE}/${backbone}/${name}`, backbone, alpha: 1, top, bytes, md5 };
}

/** Keras has files for four widths. All are of the 224×224 training: without the top they serve any size. */
function mobilenet(alpha: number, top: boolean): CanonicalFile {
  const name = `mobilenet_${alpha === 1 ? '1_0' : (alpha * 10).toFixed(1).replace('.', '_')}_224_tf${top ? '' : '_no_top'}.h5`;
  return {
    name,
    url: `${BASE}/mobilenet/${name}`,
    backbone: 'mobilenet-v1',
    alpha,
    top,
    bytes: undefined,
    md5: undefined,
  };
}

const ALPHAS = [1, 0.75, 0.5, 0.25] as const;

export const canonicalFiles: readonly CanonicalFile[] = [
  vgg('vgg16', false, 58_889_256, '6d6bbae143d832006294945121d1f1fc'),
  vgg('vgg16', true, 553_467_096, '64373286793e3c8b2b4e3219cbf3544b'),
  vgg('vgg19', false, 80_134_624, '253f8cb515780f3b799900260a226db6'),
  vgg('vgg19', true, 574_710_816, 'cbe5617147190e668d6c5d5026f83318'),
  ...ALPHAS.flatMap((alpha) => [mobilenet(alpha, false), mobilenet(alpha, true)]),
];

export function findCanonical(backbone: string, alpha: number, top: boolean): CanonicalFile | undefined {
  return canonicalFiles.find((file) => file.backbone === backbone && file.alpha === alpha && file.top === top);
}

/** `vgg16`, `vgg16-top`, `mobilenet-v1-0.25`: a file by what it is for. */
export function shortNameOf({ backbone, alpha, top }: CanonicalFile): string {
  return `${backbone}${alpha === 1 ? '' : `-${alpha}`}${top ? '-top' : ''}`;
}

/** How a file is told from others, in a fingerprint: by its published hash, else by its name, which is pinned at first use. */
export function identityOf({ md5, name }: CanonicalFile): string {
  return md5 ? `md5:${md5}` : `keras:${name}`;
}

/** Where a weights file lies, or would: in a folder that all projects of a user share. */
export function weightsPath(home: string, name: string): string {
  return join(home, 'weights', name);
}
