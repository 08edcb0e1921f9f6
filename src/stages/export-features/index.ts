import { extname } from 'node:path';
import { choiceIn, membersOf, textIn } from '../given-params.ts';
import { type RowChoice, rowChoices } from '../inputs/chosen-rows.ts';
import { defineStage } from '../stage-kind.ts';
import { defaults, formats } from './defaults.ts';

export interface ExportFeaturesParams {
  readonly format: (typeof formats)[number];
  readonly on: RowChoice;
  /** Path of the files without their extensions. */
  readonly file: string;
}

/** Features for other tools. */
export const exportFeatures = defineStage<ExportFeaturesParams>({
  kind: 'export-features',
  version: 1,
  summary: 'Writes features for NumPy, pandas and other tools.',
  ports: { data: { accepts: ['features'] } },
  gives: { files: 'files' },
  draws: false,
  outputParams: ['file'],
  complete(given) {
    const members = membersOf(given);
    return {
      format: choiceIn(members, 'format', formats, defaults.format),
      on: choiceIn(members, 'on', rowChoices, defaults.on),
      file: textIn(members, 'file', defaults.file),
    };
  },
  outputPath: (params, name) => `${params.file}${extname(name)}`,
  loadBody: async () => (await import('./run.ts')).body,
});
