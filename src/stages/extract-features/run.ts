import type { StageBody } from '../stage-kind.ts';
import type { ExtractFeaturesParams } from './index.ts';

export const body: StageBody<ExtractFeaturesParams> = {
  run() {
    throw new Error('extract-features has no body yet');
  },
};
