/** Optimizers with every setting written out. Formulas and defaults are Keras 3's; see `networks/updates.ts`. */
export type Optimizer =
  | {
      readonly type: 'sgd';
      readonly learningRate: number;
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly decay: number;
    }
  | {
      readonly type: 'rmsprop';
      readonly learningRate: number;
      readonly rho: number;
      readonly momentum: number;
      readonly epsilon: number;
      readonly centered: boolean;
      readonly decay: number;
    }
  | {
      readonly type: 'adam';
      readonly learningRate: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly decay: number;
    }
  | {
      readonly type: 'adamax';
      readonly learningRate: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly decay: number;
    }
  | {
      readonly type: 'adagrad';
      readonly learningRate: number;
      readonly initialAccumulator: number;
      readonly epsilon: number;
      readonly decay: number;
    }
  | {
      readonly type: 'adadelta';
      readonly learningRate: number;
      readonly rho: number;
      readonly epsilon: number;
      readonly decay: number;
    };

/** The rate of step `step` (from 0) under Keras' old `decay`: lr / (1 + decay·step). */
export function decayedRate(optimizer: Optimizer, rate: number, step: number): number {
  return rate / (1 + optimizer.decay * step);
}
