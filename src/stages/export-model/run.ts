import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { writers } from '../../exports/index.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import type { ModelArtifact } from '../artifacts.ts';
import { fetchBackbone } from '../backbone/extraction.ts';
import { type ModelSight, sightOf } from '../backbone/model-backbone.ts';
import { imageShape } from '../inputs/image-inputs.ts';
import { readModelWeights } from '../scorer.ts';
import type { RunContext, StageBody, StageFailure } from '../stage-kind.ts';
import { aboutModel, CARD, cardOf, type WrittenFile } from './card.ts';
import { cardPage } from './card-page.ts';
import type { ExportModelParams } from './index.ts';
import { backboneLayers, fromPixels, joined, toProbabilities, type WeightedNetwork } from './whole-network.ts';

export const body: StageBody<ExportModelParams> = {
  async run({ format, withBackbone }, context) {
    const model = context.input('model', 'model');
    if (model.neighbours) {
      return diagnosed(
        problem('S071', 'a model of nearest neighbours counts votes, which no layers can', {
          help: 'export another classifier, such as logistic-regression; `pipe predict` answers for this one',
        }),
      );
    }
    const weights = await readModelWeights(model.weights, context);
    if (!weights)
      return err({ reason: 'damaged-input', port: 'model', detail: 'the weights of the model are damaged' });
    const head = { network: model.network, weights };
    const whole = model.reads.type === 'images' || withBackbone;
    const seen = whole ? await fromSight(model, head, context) : ok({ weighted: head, sight: undefined });
    if (!seen.ok) return seen;
    const { weighted, sight } = seen.value;
    const { network, weights: all } = toProbabilities(weighted);
    const about = aboutModel({ model, network, pixels: sight?.pixels });
    const folder = join(context.checkpoints, 'export');
    mkdirSync(folder, { recursive: true });
    const write = await writers[format]();
    const exported = { network, weights: all, input: whole ? 'pixels' : 'features', output: 'probabilities', about };
    const written = await write(exported, folder);
    if (!written.ok) return diagnosed(written.error);
    const described = { model, network, pixels: sight?.pixels };
    const files = await stored(folder, written.value, context);
    const card = cardOf(described, format, files, context);
    const inside = written.value.includes(CARD);
    writeFileAtomically(join(folder, CARD), inside ? withCard(join(folder, CARD), card) : jsonText(card), {
      flush: false,
    });
    writeFileAtomically(join(folder, PAGE), cardPage(card), { flush: false });
    const others = await stored(folder, [CARD, PAGE], context);
    const outputs = [...files.filter(({ name }) => name !== CARD), ...others].map(({ name, blob }) => ({ name, blob }));
    return ok({ artifacts: { files: { type: 'files', outputs } } });
  },
};

const PAGE = 'MODEL.md';

async function stored(folder: string, names: readonly string[], context: RunContext): Promise<readonly WrittenFile[]> {
  const files: WrittenFile[] = [];
  for (const name of names) {
    const path = join(folder, name);
    files.push({ name, bytes: statSync(path).size, blob: await context.blobs.putFile(path) });
  }
  return files;
}

function jsonText(card: JsonObject): string {
  return `${JSON.stringify(card, null, 2)}\n`;
}

/** A `model.json` of TensorFlow.js with the card where that format has room for it. */
function withCard(path: string, card: JsonObject): string {
  const model: JsonObject = JSON.parse(readFileSync(path, 'utf8'));
  return JSON.stringify({ ...model, userDefinedMetadata: card });
}

/** The model from pixels on. */
async function fromSight(
  model: ModelArtifact,
  head: WeightedNetwork,
  context: RunContext,
): Promise<Result<{ readonly weighted: WeightedNetwork; readonly sight: ModelSight }, StageFailure>> {
  const folder = context.baseDirectory();
  const sight = await sightOf(model, { home: context.home, resolvePath: (path) => resolve(folder, path) });
  if (!sight.ok) return diagnosed(sight.error);
  const { backbone, pixels } = sight.value;
  if (!backbone) return ok({ weighted: fromPixels(pixels, head), sight: sight.value });
  const program = await fetchBackbone(backbone, imageShape(pixels), context);
  if (!program.ok) return program;
  const below = backboneLayers(program.value);
  if (!below.ok) return diagnosed(below.error);
  return ok({ weighted: fromPixels(pixels, joined(below.value, head)), sight: sight.value });
}

function diagnosed(diagnostic: Diagnostic): Result<never, StageFailure> {
  return err({ reason: 'diagnostics', diagnostics: [diagnostic] });
}
