import type { Digest } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import type { Augmentation, Channels, Fit, Kernel } from '../../images/pixel-spec.ts';
import type { pixelModes } from '../../networks/architectures/architecture.ts';
import type { ImagesArtifact } from '../artifacts.ts';
import { choiceIn, membersOf } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { completeAugmentation } from './augmentation.ts';
import { defaults } from './defaults.ts';
import { pixelSpec } from './settled-spec.ts';

type Mode = keyof typeof pixelModes;

export interface PreprocessParams {
  readonly height: number;
  readonly width: number;
  readonly fit: Fit;
  readonly kernel: Kernel;
  readonly channels: Channels;
  readonly crop: { readonly height: number; readonly width: number } | null;
  readonly normalize:
    | 'backbone'
    | 'dataset'
    | Mode
    | { readonly mean: readonly number[]; readonly std: readonly number[] };
  readonly onBadImage: 'fail' | 'skip';
  readonly augment: Augmentation | null;
}

function complete(given: Json): PreprocessParams {
  const members = membersOf(given);
  const [height, width] = pairOf(members['size'] ?? [...defaults.size]);
  const crop = members['crop'] ?? defaults.crop;
  const [cropHeight, cropWidth] = crop === null ? [0, 0] : pairOf(crop);
  return {
    height,
    width,
    fit: choiceIn(members, 'fit', ['fill', 'cover', 'contain'], defaults.fit),
    kernel: choiceIn(
      members,
      'kernel',
      ['nearest', 'bilinear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3'],
      defaults.kernel,
    ),
    channels: choiceIn(members, 'channels', ['rgb', 'gray', 'gray-as-rgb'], defaults.channels),
    crop: crop === null ? null : { height: cropHeight, width: cropWidth },
    normalize: completeNormalize(members['normalize'] ?? defaults.normalize),
    onBadImage: choiceIn(members, 'onBadImage', ['fail', 'skip'], defaults.onBadImage),
    augment: completeAugmentation(members['augment'] ?? defaults.augment),
  };
}

function completeNormalize(given: Json): PreprocessParams['normalize'] {
  if (typeof given === 'string')
    return choiceIn(
      { given },
      'given',
      ['backbone', 'dataset', 'caffe', 'tf', 'torch', 'unit', 'none'] as const,
      'backbone',
    );
  const { mean, std } = membersOf(given);
  const numbers = (value: Json | undefined) => (Array.isArray(value) ? value.map(Number) : []);
  return { mean: numbers(mean), std: numbers(std) };
}

function pairOf(size: Json): readonly [number, number] {
  if (typeof size === 'number') return [size, size];
  const [height = 1, width = 1] = Array.isArray(size) ? size.map(Number) : [];
  return [height, width];
}

/** How images become numbers. */
export const preprocess = defineStage<PreprocessParams>({
  kind: 'preprocess',
  version: 1,
  summary: 'Says how images become numbers: size, colours, normalization.',
  ports: { data: { accepts: ['dataset'] } },
  gives: { images: 'images' },
  draws: false,
  complete,
  preview(params: PreprocessParams, rows: Digest): ImagesArtifact | undefined {
    const pixels = pixelSpec(params);
    return pixels && { type: 'images', classes: [], rows, pixels };
  },
  loadBody: async () => (await import('./run.ts')).body,
});
