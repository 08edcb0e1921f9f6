/** A pipeline cut down to what an assessment needs: a seeded sample, prepared as the file says, through each candidate network. */
import type { Json } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { PipelineConfig, StageConfig } from '../config/pipeline-config.ts';

export interface Candidate {
  /** As people write it. */
  readonly name: string;
  /** The stage of the sample pipeline that gives its features. */
  readonly stage: string;
}

export interface SamplePipeline {
  readonly config: PipelineConfig;
  readonly candidates: readonly Candidate[];
  /** The stage of the file that prepares the images. */
  readonly images: StageConfig;
  /** The stage of the file whose network is the one candidate; undefined where others were asked for. */
  readonly features: string | undefined;
}

/** Undefined where the file prepares no images, or names no network and none is asked for. */
export function samplePipeline(
  config: PipelineConfig,
  asked: readonly string[],
  perClass: number,
): SamplePipeline | undefined {
  const extraction = config.stages.find(({ kind }) => kind === 'extract-features' || kind === 'fine-tune');
  const behind = extraction?.from['data']?.stage;
  const images = config.stages.find((stage) => stage.kind === 'preprocess' && (!behind || stage.name === behind));
  if (!images || (!extraction && asked.length === 0)) return undefined;
  const sample = stageLike(images, 'advice-sample', 'split', { takePerClass: perClass });
  const prepared = {
    ...images,
    name: 'advice-images',
    from: { data: { stage: 'advice-sample', artifact: 'dataset' } },
    with: withoutAugmentation(images.with),
  };
  const own = extraction && isJsonObject(extraction.with) ? extraction.with : {};
  const { backbone, weights, layer, top } = own;
  const written = { backbone, weights, layer, top };
  const choices: readonly { readonly name: string; readonly with: Json }[] =
    asked.length > 0
      ? asked.map((name) => ({ name, with: { backbone: name } }))
      : [{ name: nameOf(backbone ?? null), with: defined(written) }];
  const extractions = choices.map(({ with: settings }, i) => ({
    ...stageLike(extraction ?? images, `advice-features-${i + 1}`, 'extract-features', {
      ...(isJsonObject(settings) ? settings : {}),
      pooling: 'average',
    }),
    from: { data: { stage: 'advice-images', artifact: 'images' } },
  }));
  return {
    config: { ...config, stages: [...config.stages, sample, prepared, ...extractions] },
    candidates: choices.map(({ name }, i) => ({ name, stage: `advice-features-${i + 1}` })),
    images,
    features: asked.length === 0 && extraction?.kind === 'extract-features' ? extraction.name : undefined,
  };
}

/** `vgg16`, or `mobilenet-v1 (alpha 0.25)` of `{ mobilenet-v1: { alpha: 0.25 } }`. */
function nameOf(backbone: Json): string {
  if (!isJsonObject(backbone)) return String(backbone);
  const [[name, settings] = ['', null]] = Object.entries(backbone);
  if (name === 'file') return String(settings);
  const options = isJsonObject(settings)
    ? Object.entries(settings).map(([key, value]) => `${key} ${String(value)}`)
    : [];
  return options.length > 0 ? `${name} (${options.join(', ')})` : name;
}

/** A stage of our own, with the folders and places of one of the file. */
function stageLike(model: StageConfig, name: string, kind: string, settings: Json): StageConfig {
  return { ...model, name, kind, with: settings };
}

function withoutAugmentation(settings: Json): Json {
  if (!isJsonObject(settings)) return settings;
  const { augment: _, ...rest } = settings;
  return rest;
}

function defined(settings: Readonly<Record<string, Json | undefined>>): Json {
  const json: Json = JSON.parse(JSON.stringify(settings));
  return json;
}
