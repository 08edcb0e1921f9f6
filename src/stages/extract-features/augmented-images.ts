import { type Diagnostic, type Location, problem } from '../../base/diagnostic.ts';

/** Why augmented images have no features. */
export function augmentedImages(stage: string, location?: Location): Diagnostic {
  return problem('S042', `${stage} augments its images anew in every epoch, but features are computed once a row`, {
    location,
    help: 'train on the images with train-network or fine-tune, or extract from a preprocess stage without `augment`',
  });
}
