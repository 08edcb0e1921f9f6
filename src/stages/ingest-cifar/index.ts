import { join } from 'node:path';
import type { Diagnostic, Location } from '../../base/diagnostic.ts';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type CifarFormat, cifarFormats } from '../../data/cifar.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { RowTable, SPLITS, type Split } from '../../data/row-table.ts';
import { choiceIn, membersOf } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { defaults } from './defaults.ts';
import { locateCifar } from './locate.ts';

export interface IngestCifarParams {
  /** Paths and patterns by split. */
  readonly parts: Readonly<Partial<Record<Split, readonly string[]>>>;
  readonly format: CifarFormat;
  /** File with the name of a label a line. */
  readonly labels: string | null;
}

function complete(given: Json): IngestCifarParams {
  const members = membersOf(given);
  const parts = SPLITS.flatMap((split) => {
    const { files } = membersOf(members[split]);
    if (files === undefined) return [];
    return [[split, Array.isArray(files) ? files.map(String) : [String(files)]] as const];
  });
  const { labels } = members;
  return {
    parts: Object.fromEntries(parts),
    format: choiceIn(members, 'format', cifarFormats, defaults.format),
    labels: typeof labels === 'string' ? labels : defaults.labels,
  };
}

/** Images and labels of the CIFAR family's binary format. */
export const ingestCifar = defineStage<IngestCifarParams>({
  kind: 'ingest-cifar',
  version: 1,
  summary: 'Reads the binary files of CIFAR-10 and CIFAR-100.',
  ports: {},
  gives: { dataset: 'dataset' },
  draws: false,
  complete,
  async resolve(params, context) {
    const located = await locateCifar(params, context);
    if (!located.ok) return located;
    const data = { ...located.value, format: params.format, unpacked: join(context.home, 'unpacked') };
    const digests = [...data.parts].map(([split, files]) => [split, files.map(({ name, digest }) => [name, digest])]);
    const key = `ingest-cifar ${JSON.stringify([digests, data.names?.digest, params.format])}`;
    const remembered = context.memo.get(key);
    const load = async (): Promise<Result<RowTable, readonly Diagnostic[]>> => {
      if (remembered) return ok(RowTable.decode(remembered.subarray(IDENTITY_BYTES)));
      const { cifarRows } = await import('./cifar-rows.ts');
      const rows = await cifarRows(data);
      return rows.ok ? rows : err([placed(rows.error, context.at(''))]);
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
          source ??= import('./cifar-rows.ts').then(({ cifarReader }) => cifarReader(data));
          return (await source)(part, name, expected);
        },
      },
    });
  },
  loadBody: async () => (await import('../dataset-body.ts')).datasetBody,
});

/** Of a digest in hexadecimal, before the table in the memo. */
const IDENTITY_BYTES = 64;

function placed(found: Diagnostic, location: Location | undefined): Diagnostic {
  return found.location || !location ? found : { ...found, location };
}
