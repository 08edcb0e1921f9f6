import { join } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { RowTable, SPLITS, type Split } from '../../data/row-table.ts';
import { listIn, membersOf, textIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { locateIdx } from './files.ts';

/** A path, or an address and the digest of what lies there. */
export type FileChoice = string | { readonly url: string; readonly sha256: string };

export interface IngestIdxParams {
  readonly parts: Readonly<Partial<Record<Split, { readonly images: FileChoice; readonly labels: FileChoice | null }>>>;
  readonly classes: readonly string[] | null;
}

function complete(given: Json): IngestIdxParams {
  const members = membersOf(given);
  const parts = SPLITS.flatMap((split) => {
    if (members[split] === undefined) return [];
    const { images = '', labels = null } = membersOf(members[split]);
    return [[split, { images: fileIn(images), labels: labels === null ? null : fileIn(labels) }] as const];
  });
  return {
    parts: Object.fromEntries(parts),
    classes: Array.isArray(members['classes']) ? listIn(members, 'classes', []).map(String) : null,
  };
}

function fileIn(given: Json): FileChoice {
  const members = membersOf(given);
  if (!('url' in members)) return textIn({ given }, 'given', '');
  return { url: textIn(members, 'url', ''), sha256: textIn(members, 'sha256', '').toLowerCase() };
}

/** Images and labels of the MNIST family's format. */
export const ingestIdx = defineStage<IngestIdxParams>({
  kind: 'ingest-idx',
  version: 1,
  summary: 'Reads IDX files, the format of MNIST.',
  ports: {},
  gives: { dataset: 'dataset' },
  draws: false,
  complete,
  async resolve(params, context) {
    const located = await locateIdx(params, context);
    if (!located.ok) return located;
    const data = { parts: located.value, classes: params.classes, unpacked: join(context.home, 'unpacked') };
    const digests = [...data.parts].map(([split, { images, labels }]) => [split, images.digest, labels?.digest]);
    const key = `ingest-idx ${JSON.stringify([digests, params.classes])}`;
    const remembered = context.memo.get(key);
    const load = async (): Promise<Result<RowTable, readonly Diagnostic[]>> => {
      if (remembered) return ok(RowTable.decode(remembered.subarray(IDENTITY_BYTES)));
      const { idxRows } = await import('./idx-rows.ts');
      const rows = await idxRows(data);
      const location = context.at('');
      return rows.ok ? rows : err([location && !rows.error.location ? { ...rows.error, location } : rows.error]);
    };
    let identity = remembered && Buffer.from(remembered.subarray(0, IDENTITY_BYTES)).toString('latin1');
    if (identity === undefined) {
      const rows = await load();
      if (!rows.ok) return rows;
      identity = rows.value.canonicalDigest();
      context.memo.set(key, Buffer.concat([Buffer.from(identity, 'latin1'), rows.value.encode()]));
    }
    let source: Promise<ImageSource['read']> | undefined;
    return ok({
      identity: { rows: identity },
      rows: load,
      images: {
        async read(part, name, expected) {
          source ??= import('./idx-rows.ts').then(({ idxReader }) => idxReader(data));
          return (await source)(part, name, expected);
        },
      },
    });
  },
  loadBody: async () => (await import('../dataset-body.ts')).datasetBody,
});

/** Of a digest in hexadecimal, before the table in the memo. */
const IDENTITY_BYTES = 64;
