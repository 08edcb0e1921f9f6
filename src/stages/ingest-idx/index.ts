import { join, resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Digest } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { RowTable, SPLITS, type Split } from '../../data/row-table.ts';
import { listIn, membersOf, textIn } from '../given-params.ts';
import { defineStage, type ResolveContext } from '../stage-kind.ts';
import type { IdxPart } from './idx-rows.ts';

export interface IngestIdxParams {
  readonly parts: Readonly<Partial<Record<Split, { readonly images: string; readonly labels: string | null }>>>;
  readonly classes: readonly string[] | null;
}

function complete(given: Json): IngestIdxParams {
  const members = membersOf(given);
  const parts = SPLITS.flatMap((split) => {
    if (members[split] === undefined) return [];
    const part = membersOf(members[split]);
    return [
      [
        split,
        { images: textIn(part, 'images', ''), labels: typeof part['labels'] === 'string' ? part['labels'] : null },
      ] as const,
    ];
  });
  return {
    parts: Object.fromEntries(parts),
    classes: Array.isArray(members['classes']) ? listIn(members, 'classes', []).map(String) : null,
  };
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
  async resolve({ parts: given, classes }, context) {
    const parts: [Split, IdxPart][] = [];
    for (const split of SPLITS) {
      const part = given[split];
      if (!part) continue;
      const located = await locate(split, part, context);
      if (!located.ok) return err([located.error]);
      parts.push([split, located.value]);
    }
    const unpacked = join(context.home, 'unpacked');
    const key = `ingest-idx ${JSON.stringify([parts.map(([split, { images, labels }]) => [split, images.digest, labels?.digest]), classes])}`;
    const remembered = context.memo.get(key);
    const load = async (): Promise<Result<RowTable, readonly Diagnostic[]>> => {
      if (remembered) return ok(RowTable.decode(remembered.subarray(64)));
      const { idxRows } = await import('./idx-rows.ts');
      return idxRows(parts, classes, unpacked);
    };
    let identity = remembered && Buffer.from(remembered.subarray(0, 64)).toString('latin1');
    if (identity === undefined) {
      const rows = await load();
      if (!rows.ok)
        return err(
          rows.error.map((diagnostic) => (diagnostic.location ? diagnostic : { ...diagnostic, ...place(context) })),
        );
      identity = rows.value.canonicalDigest();
      context.memo.set(key, Buffer.concat([Buffer.from(identity, 'latin1'), rows.value.encode()]));
    }
    return ok({
      identity: { rows: identity },
      rows: load,
      images: {
        async read(part, name, expected) {
          const { readIdxImage } = await import('./idx-rows.ts');
          return readIdxImage(new Map(parts).get(part), name, expected, unpacked);
        },
        describe: (part, name) => `${given[part]?.images ?? part}[${Number(name)}]`,
      },
    });
  },
  loadBody: async () => (await import('../dataset-body.ts')).datasetBody,
});

function place(context: ResolveContext) {
  const location = context.at('');
  return location ? { location } : {};
}

async function locate(
  split: Split,
  part: { readonly images: string; readonly labels: string | null },
  context: ResolveContext,
): Promise<Result<IdxPart, Diagnostic>> {
  const file = async (
    key: 'images' | 'labels',
    given: string,
  ): Promise<Result<{ readonly path: string; readonly digest: Digest }, Diagnostic>> => {
    const path = resolve(context.baseDirectory(`${split}/${key}`), given);
    const digest = await context.digests.of(path);
    if (digest.ok) return ok({ path, digest: digest.value });
    const location = context.at(`${split}/${key}`);
    return err({ ...digest.error, ...(location && { location }) });
  };
  const images = await file('images', part.images);
  if (!images.ok) return images;
  if (part.labels === null) return ok({ images: images.value, labels: undefined });
  const labels = await file('labels', part.labels);
  return labels.ok ? ok({ images: images.value, labels: labels.value }) : labels;
}
