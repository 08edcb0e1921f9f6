import type { Json, JsonObject } from '../../base/json.ts';
import { ok } from '../../base/result.ts';
import type { Layer } from '../../networks/network.ts';
import type { BackboneChoice } from '../../weights/backbone-choice.ts';
import { completeBackboneChoice, resolveChoice } from '../backbone/backbone-params.ts';
import { choiceIn, listIn, membersOf, numberIn, textIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { completeLayers, initializerNames, type KernelDefaults } from '../training/layer-list.ts';
import { completeTraining, type TrainingSettings } from '../training/training-settings.ts';
import { cacheFrozenChoices, defaults } from './defaults.ts';

/** Which layers keep their weights: always those from the input up to some layer. */
export type Freeze =
  | 'none'
  /** As Keras counts: the input is the first. */
  | { readonly layers: number }
  /** The last frozen layer. */
  | { readonly until: string }
  | { readonly blocks: number };

export interface FineTuneParams extends BackboneChoice, TrainingSettings, KernelDefaults {
  readonly freeze: Freeze;
  /** Layers between the network and the classes. */
  readonly head: readonly Layer[];
  /** Factor on the learning rate, by layer, block, or `backbone` for all pretrained layers. */
  readonly rates: Readonly<Record<string, number>>;
  /** Epochs at the start in which only the head is trained. */
  readonly warmup: number;
  /** Whether trained blocks keep the statistics and scales of their batch norms. */
  readonly batchNorm: 'frozen' | 'trained';
  readonly cacheFrozen: (typeof cacheFrozenChoices)[number];
}

function complete(given: Json): FineTuneParams {
  const members = membersOf(given);
  const kernels: KernelDefaults = {
    init: choiceIn(members, 'init', initializerNames, defaults.init),
    l2: numberIn(members, 'l2', defaults.l2),
  };
  const { batch, epochs, optimizer } = defaults;
  const rates = membersOf(members['rates'] ?? defaults.rates);
  return {
    ...completeBackboneChoice(members),
    ...completeTraining({ batch, epochs, optimizer, ...members }),
    ...kernels,
    freeze: completeFreeze(members['freeze'] ?? defaults.freeze),
    head: completeLayers(listIn(members, 'head', defaults.head), kernels),
    rates: Object.fromEntries(Object.keys(rates).map((name) => [name, numberIn(rates, name, 1)])),
    warmup: numberIn(members, 'warmup', defaults.warmup),
    batchNorm: choiceIn(members, 'batchNorm', ['frozen', 'trained'], defaults.batchNorm),
    cacheFrozen: choiceIn(members, 'cacheFrozen', cacheFrozenChoices, defaults.cacheFrozen),
  };
}

function completeFreeze(given: Json): Freeze {
  if (given === 'none') return 'none';
  const members = membersOf(given);
  if ('until' in members) return { until: textIn(members, 'until', '') };
  if ('blocks' in members) return { blocks: numberIn(members, 'blocks', 0) };
  return { layers: numberIn(members, 'layers', 0) };
}

/** A pretrained network trained on, from some layer to a new end. */
export const fineTune = defineStage<FineTuneParams>({
  kind: 'fine-tune',
  version: 1,
  summary: 'Trains the upper layers of a pretrained network on images, the lower ones frozen.',
  ports: { data: { accepts: ['images'] } },
  gives: { model: 'model' },
  keepsRows: true,
  draws: true,
  complete,
  async resolve(params, context) {
    const backbone = await resolveChoice(params, context);
    if (!backbone.ok) return backbone;
    // Without `cacheFrozen`: to store what the frozen layers give saves time and moves no bit of the model.
    const { backbone: _, weights: __, cacheFrozen: ___, ...settings } = params;
    const { identity, download } = backbone.value;
    const plain: JsonObject = JSON.parse(JSON.stringify(settings));
    return ok({
      identity: { ...plain, backbone: identity },
      backbone: backbone.value,
      ...(download && { download }),
    });
  },
  loadBody: async () => (await import('./run.ts')).body,
});
