/** The settings of every stage kind as JSON Schema. Read by the schema script alone: it loads TypeBox. */
import { predictParams } from './predict/params.ts';
import { trainHeadParams } from './train-head/params.ts';

/** By kind. */
export const paramsByKind: Readonly<Record<string, object>> = {
  predict: predictParams,
  'train-head': trainHeadParams,
};
