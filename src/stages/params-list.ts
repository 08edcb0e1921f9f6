/** The settings of every stage kind as JSON Schema. Read by the schema script alone: it loads TypeBox. */
import { evaluateParams } from './evaluate/params.ts';
import { execParams } from './exec/params.ts';
import { exportFeaturesParams } from './export-features/params.ts';
import { exportModelParams } from './export-model/params.ts';
import { extractFeaturesParams } from './extract-features/params.ts';
import { fineTuneParams } from './fine-tune/params.ts';
import { ingestCifarParams } from './ingest-cifar/params.ts';
import { ingestCsvParams } from './ingest-csv/params.ts';
import { ingestFolderParams } from './ingest-folder/params.ts';
import { ingestIdxParams } from './ingest-idx/params.ts';
import { predictParams } from './predict/params.ts';
import { preprocessParams } from './preprocess/params.ts';
import { splitParams } from './split/params.ts';
import { trainHeadParams } from './train-head/params.ts';
import { trainNetworkParams } from './train-network/params.ts';

/** By kind. */
export const paramsByKind: Readonly<Record<string, object>> = {
  'ingest-csv': ingestCsvParams,
  'ingest-folder': ingestFolderParams,
  'ingest-idx': ingestIdxParams,
  'ingest-cifar': ingestCifarParams,
  split: splitParams,
  preprocess: preprocessParams,
  'extract-features': extractFeaturesParams,
  'train-head': trainHeadParams,
  'train-network': trainNetworkParams,
  'fine-tune': fineTuneParams,
  predict: predictParams,
  evaluate: evaluateParams,
  'export-features': exportFeaturesParams,
  'export-model': exportModelParams,
  exec: execParams,
};
