/** Whether a model reads what some data holds, and knows its classes. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Artifact, ModelArtifact } from './artifacts.ts';

/** What does not fit, or undefined. */
export function modelMisfit(model: ModelArtifact, data: Artifact): Diagnostic | undefined {
  if (data.type !== model.reads.type) {
    return problem('S023', `the model reads ${model.reads.type}, but \`data\` gives ${data.type}`, {
      help: `name the stage whose ${model.reads.type} the model was trained on: from: { model: …, data: … }`,
    });
  }
  const learnt = describe(model.reads);
  const asked = describe(data);
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

/** What a model reads, or an artifact holds, as far as it decides the numbers: augmentation and bad images do not. */
function describe(held: ModelArtifact['reads'] | Artifact): Json {
  if (held.type === 'features') return held.source;
  if (held.type !== 'images') return null;
  const { augment: _, onBadImage: __, ...pixels } = held.pixels;
  const json: JsonObject = JSON.parse(JSON.stringify(pixels));
  return json;
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
