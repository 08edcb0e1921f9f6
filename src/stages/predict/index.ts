import { booleanIn, choiceIn, membersOf, textIn } from '../given-params.ts';
import { type RowChoice, rowChoices } from '../inputs/chosen-rows.ts';
import { defineStage } from '../stage-kind.ts';
import { defaults } from './defaults.ts';

export interface PredictParams {
  readonly on: RowChoice;
  /** Where the CSV goes. */
  readonly file: string;
  /** Whether the CSV has a column a class. */
  readonly probabilities: boolean;
}

/** A trained model's answers. */
export const predict = defineStage<PredictParams>({
  kind: 'predict',
  version: 1,
  summary: 'Asks a model about rows and writes its answers as CSV.',
  ports: { model: { accepts: ['model'] }, data: { accepts: ['features', 'images'] } },
  gives: { predictions: 'predictions' },
  draws: false,
  outputParams: ['file'],
  complete(given) {
    const members = membersOf(given);
    return {
      on: choiceIn(members, 'on', rowChoices, defaults.on),
      file: textIn(members, 'file', defaults.file),
      probabilities: booleanIn(members, 'probabilities', defaults.probabilities),
    };
  },
  outputPath: (params) => params.file,
  loadBody: async () => (await import('./run.ts')).body,
});
