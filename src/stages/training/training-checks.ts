/** What can be wrong with a training, before and while it runs. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Optimizer } from '../../networks/optimizer.ts';
import type { TrainingRows } from '../inputs/labelled-rows.ts';
import type { Monitor } from './monitor.ts';
import type { TrainingSettings } from './training-settings.ts';

/** Whether what early stopping and the schedule watch is there at all. */
export function checkMonitors(settings: TrainingSettings, rows: TrainingRows): Diagnostic | undefined {
  const { earlyStopping, learningRateSchedule: schedule } = settings;
  const monitors: [string, Monitor][] = [];
  if (earlyStopping) monitors.push(['earlyStopping', earlyStopping.monitor]);
  if (schedule.type === 'reduceOnPlateau') monitors.push(['learningRateSchedule', schedule.monitor]);
  const blind = monitors.find(([, monitor]) => monitor !== 'loss' && rows.validation.length === 0);
  if (!blind) return undefined;
  return problem('S014', `${blind[0]} monitors ${blind[1]}, but no row of the validation split has a label`, {
    help: 'put a split stage with `validation: 0.2` before, or monitor `loss`',
  });
}

export interface Divergence {
  readonly loss: number;
  /** From 0. */
  readonly epoch: number;
  /** Of the epoch, from 1. */
  readonly step: number;
  readonly rate: number;
  readonly optimizer: Optimizer;
  /** Folder of the last good checkpoint. */
  readonly kept: string | undefined;
}

/** Above it few trainings converge. */
const HIGHEST_ADVISED = 0.01;

export function divergence({ loss, epoch, step, rate, optimizer, kept }: Divergence): Diagnostic {
  const smaller = Number(Math.min(rate / 10, HIGHEST_ADVISED).toPrecision(3));
  return problem(
    'S010',
    `the loss became ${loss} at step ${step} of epoch ${epoch + 1}, with the learning rate ${rate}`,
    {
      help: `try a smaller rate: optimizer: { ${optimizer.type}: { learningRate: ${smaller} } }${kept ? `; the last good checkpoint is in ${kept}` : ''}`,
    },
  );
}
