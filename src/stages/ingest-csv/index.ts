import { join, resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { folderImages } from '../../data/file-images.ts';
import { type Listing, rememberedRows } from '../../data/image-listing.ts';
import type { Split } from '../../data/row-table.ts';
import { SPLITS } from '../../data/row-table.ts';
import { membersOf, textIn } from '../given-params.ts';
import { defineStage, type ResolveContext } from '../stage-kind.ts';
import { defaults } from './defaults.ts';

export interface CsvPart {
  readonly csv: string;
  readonly images: string;
  readonly filenameColumn: string | null;
  readonly labelColumn: string | null;
  readonly delimiter: string;
}

export type IngestCsvParams = Readonly<Partial<Record<Split, CsvPart>>>;

function complete(given: Json): IngestCsvParams {
  const members = membersOf(given);
  const parts = SPLITS.flatMap((split) => {
    if (members[split] === undefined) return [];
    const part = membersOf(members[split]);
    const column = (key: 'filenameColumn' | 'labelColumn') =>
      typeof part[key] === 'string' ? textIn(part, key, '') : defaults[key];
    return [
      [
        split,
        {
          csv: textIn(part, 'csv', ''),
          images: textIn(part, 'images', ''),
          filenameColumn: column('filenameColumn'),
          labelColumn: column('labelColumn'),
          delimiter: textIn(part, 'delimiter', defaults.delimiter),
        },
      ] as const,
    ];
  });
  return Object.fromEntries(parts);
}

/** Absolute paths of a part, each relative to the file that wrote it. */
function located(params: IngestCsvParams, context: ResolveContext): IngestCsvParams {
  return Object.fromEntries(
    Object.entries(params).map(([split, part]) => [
      split,
      {
        ...part,
        csv: resolve(context.baseDirectory(`${split}/csv`), part.csv),
        images: resolve(context.baseDirectory(`${split}/images`), part.images),
      },
    ]),
  );
}

/** Images named by CSV files, in folders. */
export const ingestCsv = defineStage<IngestCsvParams>({
  kind: 'ingest-csv',
  version: 1,
  summary: 'Reads CSV files that name images and labels.',
  ports: {},
  gives: { dataset: 'dataset' },
  draws: false,
  complete,
  async resolve(params, context) {
    const parts = located(params, context);
    const list = async (): Promise<Result<Listing, readonly Diagnostic[]>> => {
      const { listCsv } = await import('./list-csv.ts');
      return listCsv(parts, context);
    };
    const listed = await rememberedRows(context.memo, `ingest-csv ${JSON.stringify(parts)}`, list);
    if (!listed.ok) return err(listed.error);
    const folders = Object.fromEntries(Object.entries(parts).map(([split, { images }]) => [split, join(images)]));
    return ok({
      identity: { rows: listed.value.identity },
      rows: async () => ok(listed.value.rows()),
      images: folderImages(folders),
      warnings: listed.value.warnings,
    });
  },
  loadBody: async () => (await import('../dataset-body.ts')).datasetBody,
});
