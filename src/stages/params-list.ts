/** The settings of every stage kind as JSON Schema. Read by the schema script alone: it loads TypeBox. */
import { evaluateParams } from './evaluate/params.ts';
import { execParams } from './exec/params.ts';
import { exportFeaturesParams } from './export-features/params.ts';
import { predictParams } from './predict/params.ts';
import { trainHeadParams } from './train-head/params.ts';

/** By kind. */
export const paramsByKind: Readonly<Record<string, object>> = {
  'train-head': trainHeadParams,
  predict: predictParams,
  evaluate: evaluateParams,
  'export-features': exportFeaturesParams,
  exec: execParams,
};
