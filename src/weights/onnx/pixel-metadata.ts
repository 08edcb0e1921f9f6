/** How an ONNX file says it wants its pixels: the metadata keys of the ONNX specification (MetadataProps.md), where it has them. */
import type { PixelValues } from '../../networks/architectures/architecture.ts';

const RANGES: Readonly<Record<string, Pick<PixelValues, 'scale' | 'mean'>>> = {
  NominalRange_0_255: { scale: 1, mean: [0, 0, 0] },
  Normalized_0_1: { scale: 1 / 255, mean: [0, 0, 0] },
  Normalized_1_1: { scale: 1 / 127.5, mean: [1, 1, 1] },
};

export function pixelsOfOnnx(metadata: ReadonlyMap<string, string>): PixelValues | undefined {
  const range = RANGES[metadata.get('Image.NominalPixelRange') ?? ''];
  const format = metadata.get('Image.BitmapPixelFormat');
  if (!range || (format !== 'Rgb8' && format !== 'Bgr8' && format !== 'Gray8')) return undefined;
  const channels = format === 'Gray8' ? 1 : 3;
  return {
    scale: range.scale,
    mean: range.mean.slice(0, channels),
    std: [1, 1, 1].slice(0, channels),
    reverse: format === 'Bgr8',
  };
}
