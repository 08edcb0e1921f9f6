import { ok } from '../../base/result.ts';
import type { Precision } from '../../engines/engine.ts';
import type { BackboneChoice } from '../../weights/backbone-choice.ts';
import { completeBackboneChoice, resolveChoice } from '../backbone/backbone-params.ts';
import { QUANTIZER_VERSION } from '../backbone/quantizer.ts';
import { choiceIn, membersOf } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { augmentedImages } from './augmented-images.ts';
import { defaults } from './defaults.ts';

export interface ExtractFeaturesParams extends BackboneChoice {
  /** How the rows are kept. */
  readonly store: 'float32' | 'float16';
  readonly precision: Precision;
}

/** The output of a frozen network for every image, kept by the image's bytes. */
export const extractFeatures = defineStage<ExtractFeaturesParams>({
  kind: 'extract-features',
  version: 1,
  summary: 'Runs images through a frozen, pretrained network and keeps its output row by row.',
  ports: { data: { accepts: ['images'] } },
  gives: { features: 'features' },
  keepsRows: true,
  draws: false,
  complete(given) {
    const members = membersOf(given);
    return {
      ...completeBackboneChoice(members),
      store: choiceIn(members, 'store', ['float32', 'float16'], defaults.store),
      precision: choiceIn(members, 'precision', ['float32', 'float16', 'int8'], defaults.precision),
    };
  },
  refuses({ name, kind, params, at }) {
    const augment = kind === 'preprocess' ? membersOf(params)['augment'] : null;
    return (augment ?? null) === null ? undefined : augmentedImages(name, at('augment'));
  },
  async resolve(params, context) {
    const backbone = await resolveChoice(params, context);
    if (!backbone.ok) return backbone;
    const { identity, download } = backbone.value;
    return ok({
      identity: {
        backbone: identity,
        store: params.store,
        precision: params.precision,
        ...(params.precision === 'int8' && { quantizer: QUANTIZER_VERSION }),
      },
      backbone: backbone.value,
      ...(download && { download }),
    });
  },
  loadBody: async () => (await import('./run.ts')).body,
});
