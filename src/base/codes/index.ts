/**
 * The catalogue of diagnostic codes: what `docs/errors.md` is made from. One file an area; a code is never reused.
 * P pipeline file · U usage · D data · I images · M model and weights files · N network · E engines · K cache and outputs
 * · S a stage's own outcome · L lock files and git · T other tools · X bugs.
 */
import { bugCodes } from './bugs.ts';
import { cacheCodes } from './cache.ts';
import { dataCodes } from './data.ts';
import { engineCodes } from './engines.ts';
import { lockCodes } from './lock.ts';
import { modelCodes } from './models.ts';
import { networkCodes } from './network.ts';
import { pipelineCodes } from './pipeline.ts';
import { stageCodes } from './stages.ts';
import { trackingCodes } from './tracking.ts';
import { usageCodes } from './usage.ts';

export const codes = {
  ...pipelineCodes,
  ...usageCodes,
  ...dataCodes,
  ...modelCodes,
  ...networkCodes,
  ...engineCodes,
  ...cacheCodes,
  ...lockCodes,
  ...stageCodes,
  ...trackingCodes,
  ...bugCodes,
};

export type DiagnosticCode = keyof typeof codes;
