/** Every pipeline of the repository is right by the schema and the graph; its data and weights may be missing. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parsePipeline } from '../src/config/parse-pipeline.ts';
import { stageKinds } from '../src/stages/index.ts';
import { problemsOf } from './pipeline-rig.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const files = readdirSync(`${root}pipelines`).filter((name) => /^[^.]+\.yaml$/.test(name));

it.each(files)('pipelines/%s', async (name) => {
  const options = { kinds: stageKinds, overrides: [], environment: {}, root };
  expect(problemsOf(await parsePipeline(`${root}pipelines/${name}`, options))).toEqual([]);
});
