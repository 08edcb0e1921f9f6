/** The list of stage kinds. Light: definitions only, their bodies load when they run. */
import { evaluate } from './evaluate/index.ts';
import { exec } from './exec/index.ts';
import { exportFeatures } from './export-features/index.ts';
import { exportModel } from './export-model/index.ts';
import { extractFeatures } from './extract-features/index.ts';
import { fineTune } from './fine-tune/index.ts';
import { ingestCifar } from './ingest-cifar/index.ts';
import { ingestCsv } from './ingest-csv/index.ts';
import { ingestFolder } from './ingest-folder/index.ts';
import { ingestIdx } from './ingest-idx/index.ts';
import { predict } from './predict/index.ts';
import { preprocess } from './preprocess/index.ts';
import { split } from './split/index.ts';
import type { StageKind } from './stage-kind.ts';
import { trainHead } from './train-head/index.ts';
import { trainNetwork } from './train-network/index.ts';

const list: readonly StageKind[] = [
  ingestCsv,
  ingestFolder,
  ingestIdx,
  ingestCifar,
  split,
  preprocess,
  extractFeatures,
  trainHead,
  trainNetwork,
  fineTune,
  predict,
  evaluate,
  exportFeatures,
  exportModel,
  exec,
];

/** Built-in stage kinds by name. */
export const stageKinds: ReadonlyMap<string, StageKind> = new Map(list.map((kind) => [kind.kind, kind]));
