/** The first step of a backbone: its identity, for a fingerprint, by digests alone. Light: every plan takes it. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { FileDigests } from '../files/file-digests.ts';
import { describeNetwork } from '../networks/layers.ts';
import { type BackboneChoice, showBackbone } from './backbone-choice.ts';
import { architectureOf, networkFor, shippedWeights } from './built-in-network.ts';
import { type CanonicalFile, findCanonical, identityOf, weightsPath } from './registry.ts';

export interface ResolveBackboneContext {
  readonly digests: FileDigests;
  readonly home: string;
  /** A path that the pipeline file gives, made absolute. */
  resolvePath(path: string): string;
}

/** Where the numbers come from. */
export type WeightsSource =
  | { readonly type: 'path'; readonly path: string }
  | { readonly type: 'canonical'; readonly file: CanonicalFile }
  | { readonly type: 'url'; readonly url: string; readonly sha256: string }
  | { readonly type: 'random' };

export interface ResolvedBackbone {
  /** All that decides the features, given the pixels: architecture and options, weights digest, layer, pooling. */
  readonly identity: JsonObject;
  readonly choice: BackboneChoice;
  readonly source: WeightsSource;
  /** Still to be fetched; `bytes` 0 where the length is not known. */
  readonly download?: { readonly url: string; readonly bytes: number };
}

/** The same backbone, cut off behind another layer. */
export function cutBackbone(resolved: ResolvedBackbone, layer: string): ResolvedBackbone {
  const { identity, choice } = resolved;
  return {
    ...resolved,
    identity: { ...identity, layer, pooling: 'none' },
    choice: { ...choice, layer, pooling: 'none' },
  };
}

/** Names the backbone by digests. Reads no weights, and a file's bytes only where its digest is not remembered. */
export async function resolveBackbone(
  choice: BackboneChoice,
  context: ResolveBackboneContext,
): Promise<Result<ResolvedBackbone, Diagnostic>> {
  return choice.backbone.type === 'file'
    ? resolveFile(choice, choice.backbone, context)
    : resolveBuiltIn(choice, context);
}

async function resolveFile(
  choice: BackboneChoice,
  { file, layout }: Extract<BackboneChoice['backbone'], { type: 'file' }>,
  context: ResolveBackboneContext,
): Promise<Result<ResolvedBackbone, Diagnostic>> {
  if (choice.weights.type !== 'included') {
    return err(
      problem('M005', `${file} brings its own weights`, {
        help: 'leave `weights` out, or name a built-in network as backbone',
      }),
    );
  }
  const path = context.resolvePath(file);
  const digest = await digestOfFile(path, file, context.digests);
  if (!digest.ok) return digest;
  const identity = { file: digest.value, layout, layer: choice.layer, pooling: choice.pooling };
  return ok({ identity, choice, source: { type: 'path', path } });
}

async function resolveBuiltIn(
  choice: BackboneChoice,
  context: ResolveBackboneContext,
): Promise<Result<ResolvedBackbone, Diagnostic>> {
  const { backbone, weights, pooling } = choice;
  if (backbone.type !== 'built-in') throw new Error('not a built-in backbone');
  const architecture = architectureOf(backbone);
  if (!architecture.ok) return architecture;
  const { name, size, channels } = architecture.value;
  const network = networkFor(architecture.value, backbone.alpha, choice, [size, size, channels]);
  if (!network.ok) return network;
  const description = describeNetwork(network.value);
  if (!description.ok) return description;
  const layer = network.value.layers.at(-1)?.name ?? '';
  const pooled = description.value.output.length === 3 ? pooling : 'none';
  const common = { architecture: name, alpha: backbone.alpha, layer, pooling: pooled };
  switch (weights.type) {
    case 'random':
      return ok({
        identity: { ...common, weights: `random:${weights.init ?? 'default'}:${weights.seed}` },
        choice,
        source: { type: 'random' },
      });
    case 'url':
      return ok({ identity: { ...common, weights: `sha256:${weights.sha256}` }, choice, source: weights });
    case 'file': {
      const path = context.resolvePath(weights.file);
      const digest = await digestOfFile(path, weights.file, context.digests);
      return digest.ok
        ? ok({ identity: { ...common, weights: digest.value }, choice, source: { type: 'path', path } })
        : digest;
    }
    case 'imagenet': {
      const published = publishedFor(choice, backbone.alpha, name);
      if (published)
        return ok(resolvedCanonical(published, { ...common, weights: identityOf(published) }, choice, context.home));
      return err(
        problem('M005', `there are no weights of ImageNet for ${showBackbone(backbone)}`, { help: helpWithout(name) }),
      );
    }
    case 'included': {
      const path = shippedWeights(name);
      const digest = existsSync(path) ? await digestOfFile(path, basename(path), context.digests) : undefined;
      if (!digest)
        return err(
          problem('M005', `no weights come with ${showBackbone(backbone)}`, {
            help: 'give `weights: imagenet`, `weights: random`, or a file',
          }),
        );
      return digest.ok
        ? ok({ identity: { ...common, weights: digest.value }, choice, source: { type: 'path', path } })
        : digest;
    }
  }
}

/** The published file that serves a choice: without the top wherever the layers in use are all in it, since it is smaller. */
function publishedFor(choice: BackboneChoice, alpha: number, name: string): CanonicalFile | undefined {
  return findCanonical(name, alpha, choice.top && !isBelowTop(choice.layer));
}

/** Layers of the convolutional base, by Keras' names. */
function isBelowTop(layer: string | null): boolean {
  return layer !== null && /^(block\d|conv1|conv_(pad|dw|pw)_)/.test(layer);
}

function helpWithout(name: string): string {
  return name === 'mobilenet-v1'
    ? 'Keras publishes alpha 1, 0.75, 0.5 and 0.25; for another one give `weights: random` or a file'
    : 'leave `weights` out for those that come with it, or give `weights: random` or a file';
}

function resolvedCanonical(
  file: CanonicalFile,
  identity: JsonObject,
  choice: BackboneChoice,
  home: string,
): ResolvedBackbone {
  const here = existsSync(weightsPath(home, file.name));
  return {
    identity,
    choice,
    source: { type: 'canonical', file },
    ...(!here && { download: { url: file.url, bytes: file.bytes ?? 0 } }),
  };
}

async function digestOfFile(path: string, shownAs: string, digests: FileDigests): Promise<Result<string, Diagnostic>> {
  const digest = await digests.of(path);
  if (digest.ok) return ok(`sha256:${digest.value}`);
  return err(
    problem('M001', `the model file ${shownAs} cannot be read: ${digest.error.message}`, { help: digest.error.help }),
  );
}
