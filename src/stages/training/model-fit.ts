/** Whether a model reads what some data holds, and knows its classes. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Artifact, ModelArtifact } from '../artifacts.ts';
import { pixelIdentity } from '../feature-space.ts';

/** What does not fit, or undefined. */
export function modelMisfit(model: ModelArtifact, data: Artifact): Diagnostic | undefined {
  if (data.type !== model.reads.type) {
    return problem('S023', `the model reads ${model.reads.type}, but \`data\` gives ${data.type}`, {
      help: `name the stage whose ${model.reads.type} the model was trained on: from: { model: …, data: … }`,
    });
  }
  const learnt = describeReads(model.reads);
  const asked = describeData(data, model.reads);
  if (canonicalJson(learnt) !== canonicalJson(asked)) {
    const stage = data.type === 'features' ? 'extract-features' : 'preprocess';
    return problem('S023', `the model was trained on other ${data.type} than \`data\` gives`, {
      help: `${firstDifference(learnt, asked)}; use one ${stage} stage for both`,
    });
  }
  return classMisfit(model.classes, data.classes);
}

function classMisfit(known: readonly string[], found: readonly string[]): Diagnostic | undefined {
  if (known.length === found.length && known.every((name, c) => name === found[c])) return undefined;
  const unseen = found.find((name) => !known.includes(name));
  const difference =
    unseen === undefined
      ? `it knows ${known.length} classes, the data has ${found.length}`
      : `it has never seen ${JSON.stringify(unseen)}`;
  return problem('S023', `the classes of the model and of the data differ: ${difference}`, {
    help: 'train and evaluate on stages that go back to the same ingest stage',
  });
}

/** What a model reads as far as it decides the numbers: paths, augmentation and bad images do not. */
function describeReads(reads: ModelArtifact['reads']): JsonObject {
  if (reads.type === 'images') return pixelIdentity(reads.pixels);
  const { choice: _, ...source } = reads.source;
  return source;
}

/** What an artifact holds, in the same words. `normalize: backbone` takes the values that the model was trained with. */
function describeData(data: Artifact, reads: ModelArtifact['reads']): JsonObject {
  if (data.type === 'images' && reads.type === 'images') {
    const normalize = data.pixels.normalize === 'backbone' ? reads.pixels.normalize : data.pixels.normalize;
    return pixelIdentity({ ...data.pixels, normalize });
  }
  return data.type === 'features' ? describeReads({ type: 'features', source: data.source }) : {};
}

/** Names the first setting in which two descriptions differ. */
function firstDifference(learnt: Json, asked: Json, path = ''): string {
  if (isJsonObject(learnt) && isJsonObject(asked)) {
    for (const key of [...new Set([...Object.keys(learnt), ...Object.keys(asked)])].sort()) {
      const [a, b] = [learnt[key] ?? null, asked[key] ?? null];
      if (canonicalJson(a) !== canonicalJson(b)) return firstDifference(a, b, path ? `${path}.${key}` : key);
    }
  }
  return path ? `${path} is ${show(learnt)} there and ${show(asked)} here` : 'they are made otherwise';
}

function show(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
