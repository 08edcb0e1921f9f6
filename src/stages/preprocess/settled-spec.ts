import { DECODER_VERSION } from '../../images/decoder-version.ts';
import type { PixelSpec } from '../../images/pixel-spec.ts';
import { pixelModes, pixelsForChannels } from '../../networks/architectures/architecture.ts';
import type { PreprocessParams } from './index.ts';

/** The spec, where it follows from the params alone: not for `normalize: dataset`. */
export function pixelSpec({ normalize, ...rest }: PreprocessParams): PixelSpec | undefined {
  const common = { ...rest, decoder: DECODER_VERSION };
  const channels = rest.channels === 'gray' ? 1 : 3;
  if (normalize === 'dataset') return undefined;
  if (normalize === 'backbone') return { ...common, normalize };
  if (typeof normalize === 'string')
    return { ...common, normalize: pixelsForChannels(pixelModes[normalize], channels) };
  return { ...common, normalize: pixelsForChannels({ scale: 1, ...normalize, reverse: false }, channels) };
}
