/** The settings that every kind of training has, with every default written out. */
import type { Json, JsonObject } from '../../base/json.ts';
import type { Optimizer } from '../../networks/optimizer.ts';
import { booleanIn, choiceIn, membersOf, numberIn } from '../given-params.ts';
import { completeSchedule, type LearningRateSchedule } from './learning-rate.ts';
import { type EarlyStopping, earlyStoppingDefaults, monitors } from './monitor.ts';
import { completeOptimizer } from './optimizer-settings.ts';

export interface TrainingSettings {
  readonly optimizer: Optimizer;
  readonly loss: 'cross-entropy';
  readonly epochs: number;
  /** Rows a step. */
  readonly batch: number;
  /** A new order each epoch; otherwise the table's order. */
  readonly shuffle: boolean;
  readonly learningRateSchedule: LearningRateSchedule;
  readonly earlyStopping: EarlyStopping | null;
  readonly classWeights: ClassWeights;
}

/** `balanced` is scikit-learn's: rows / (classes · rows of the class). A map names classes; the others weigh 1. */
export type ClassWeights = 'none' | 'balanced' | Readonly<Record<string, number>>;

export const trainingDefaults = {
  optimizer: 'adam',
  loss: 'cross-entropy',
  epochs: 20,
  batch: 128,
  shuffle: true,
  learningRateSchedule: 'constant',
  earlyStopping: 'none',
  classWeights: 'none',
} as const;

export function completeTraining(given: JsonObject): TrainingSettings {
  const d = trainingDefaults;
  return {
    optimizer: completeOptimizer(given['optimizer'] ?? d.optimizer),
    loss: choiceIn(given, 'loss', ['cross-entropy'], d.loss),
    epochs: numberIn(given, 'epochs', d.epochs),
    batch: numberIn(given, 'batch', d.batch),
    shuffle: booleanIn(given, 'shuffle', d.shuffle),
    learningRateSchedule: completeSchedule(given['learningRateSchedule'] ?? d.learningRateSchedule),
    earlyStopping: completeEarlyStopping(given['earlyStopping'] ?? d.earlyStopping),
    classWeights: completeClassWeights(given['classWeights'] ?? d.classWeights),
  };
}

function completeEarlyStopping(given: Json): EarlyStopping | null {
  if (given === 'none') return null;
  const members = membersOf(given);
  const d = earlyStoppingDefaults;
  return {
    monitor: choiceIn(members, 'monitor', monitors, d.monitor),
    patience: numberIn(members, 'patience', d.patience),
    restoreBest: booleanIn(members, 'restoreBest', d.restoreBest),
  };
}

/** `classWeights:` as it was given. */
export function completeClassWeights(given: Json): ClassWeights {
  if (given === 'none' || given === 'balanced') return given;
  const members = membersOf(given);
  return Object.fromEntries(Object.keys(members).map((name) => [name, numberIn(members, name, 1)]));
}
