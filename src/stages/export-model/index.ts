import { type ExportFormat, formats } from '../../exports/exported-model.ts';
import { booleanIn, choiceIn, membersOf, textIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { defaults } from './defaults.ts';

export interface ExportModelParams {
  readonly format: ExportFormat;
  /** From pixels on, where the model is a head. */
  readonly withBackbone: boolean;
  /** Where the files go. */
  readonly folder: string;
}

/** A trained model for other programs. */
export const exportModel = defineStage<ExportModelParams>({
  kind: 'export-model',
  version: 1,
  summary: 'Writes a model for ONNX Runtime, TensorFlow.js or Keras, with a card that says what it is.',
  ports: { model: { accepts: ['model'] }, metrics: { accepts: ['metrics'], optional: true } },
  gives: { files: 'files' },
  draws: false,
  outputParams: ['folder'],
  complete(given) {
    const members = membersOf(given);
    const format = choiceIn(members, 'format', formats, defaults.format);
    return {
      format,
      withBackbone: booleanIn(members, 'withBackbone', defaults.withBackbone),
      folder: textIn(members, 'folder', `model-${format}`),
    };
  },
  outputFolder: (params) => params.folder,
  loadBody: async () => (await import('./run.ts')).body,
});
