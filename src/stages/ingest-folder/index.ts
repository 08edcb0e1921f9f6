import { resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { folderImages } from '../../data/file-images.ts';
import { type Listing, rememberedRows } from '../../data/image-listing.ts';
import { SPLITS, type Split } from '../../data/row-table.ts';
import { listIn, membersOf } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { defaults } from './defaults.ts';

export interface IngestFolderParams extends Readonly<Record<Split, string | null>> {
  readonly exclude: readonly string[];
}

function complete(given: Json): IngestFolderParams {
  const members = membersOf(given);
  const folder = (split: Split) => (typeof members[split] === 'string' ? String(members[split]) : defaults[split]);
  return {
    train: folder('train'),
    validation: folder('validation'),
    test: folder('test'),
    exclude: listIn(members, 'exclude', defaults.exclude).map(String),
  };
}

/** Images in one folder a class. */
export const ingestFolder = defineStage<IngestFolderParams>({
  kind: 'ingest-folder',
  version: 1,
  summary: 'Reads images from one folder a class.',
  ports: {},
  gives: { dataset: 'dataset' },
  draws: false,
  complete,
  async resolve(params, context) {
    const folders: Partial<Record<Split, string>> = {};
    for (const split of SPLITS) {
      const given = params[split];
      if (given !== null) folders[split] = resolve(context.baseDirectory(split), given);
    }
    const list = async (): Promise<Result<Listing, readonly Diagnostic[]>> => {
      const { listFolders } = await import('./list-folders.ts');
      return listFolders(folders, params.exclude, context);
    };
    const listed = await rememberedRows(
      context.memo,
      `ingest-folder ${JSON.stringify([folders, params.exclude])}`,
      list,
    );
    if (!listed.ok) return err(listed.error);
    return ok({
      identity: { rows: listed.value.identity },
      rows: async () => ok(listed.value.rows()),
      images: folderImages(folders),
      warnings: listed.value.warnings,
    });
  },
  loadBody: async () => (await import('../dataset-body.ts')).datasetBody,
});
