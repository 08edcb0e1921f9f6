/** What every engine must do, run on each of them: results against TensorFlow.js' own CPU backend, and against themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Result } from '../../src/base/result.ts';
import type { Engine, TrainBatch, TrainProgram, TrainSession } from '../../src/engines/engine.ts';
import { SharedInput } from '../../src/engines/shared-input.ts';
import { randomWeights } from '../../src/networks/initializers.ts';
import { type Layer, type Network, sizeOf } from '../../src/networks/network.ts';
import type { Optimizer } from '../../src/networks/optimizer.ts';
import { activations, conv, dense, image, networks, optimizers, pool, spared, tail } from './contract-rows.ts';

function program(layers: readonly Layer[], optimizer: Optimizer, more: Partial<TrainProgram> = {}): TrainProgram {
  const network: Network = { name: 'small', input: image, layers };
  return {
    network,
    weights: weightsOf(network),
    classes: 3,
    loss: 'cross-entropy',
    optimizer,
    batch: 4,
    frozen: [],
    rateFactors: {},
    seed: 7,
    ...more,
  };
}

function weightsOf(network: Network) {
  return value(randomWeights(network, 11));
}

/** Numbers that look random and are the same everywhere. */
function numbers(length: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + seed * 78.233) * 1.5);
}

function batchOf(rows: number, step: number, learningRate: number): TrainBatch {
  return {
    input: numbers(rows * sizeOf(image), step),
    rows,
    labels: Int32Array.from({ length: rows }, (_, i) => (i + step) % 3),
    sampleWeights: Float32Array.from({ length: rows }, (_, i) => 1 + (i % 2)),
    rowKeys: Uint32Array.from({ length: rows * 2 }, (_, i) => i * 7919 + step),
    epoch: step,
    learningRate,
  };
}

async function train(
  engine: Engine,
  given: TrainProgram,
  steps: number,
  rows = 4,
): Promise<{ readonly losses: number[]; readonly session: TrainSession }> {
  const session = value(await engine.openTraining(given));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++)
    losses.push((await session.step(batchOf(rows, step, given.optimizer.learningRate))).loss);
  return { losses, session };
}

export function value<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function furthest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] ?? Number.NaN)) / Math.max(1, Math.abs(x))), 0);
}

export interface ContractOptions {
  /** Why the engine cannot be tried here: its tests are skipped under that name. */
  readonly missing?: string | undefined;
  /** Whether it computes so slowly that some rows are skipped, whose kernels other rows have, and so many steps that a leak would show. */
  readonly slow?: boolean;
  /** How many tensors it holds, where that is known. */
  readonly tensors?: () => number;
}

/** All tests of an engine run on one opening of it, one session after another, as the stages of a run do. */
export function engineContract(
  name: string,
  open: () => Promise<Engine>,
  openReference: () => Promise<Engine>,
  { missing, slow = false, tensors }: ContractOptions = {},
): void {
  let engine: Engine;
  let reference: Engine;

  describe.skipIf(missing !== undefined)(
    `engine ${name}${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    () => {
      beforeAll(async () => {
        engine = await open();
        reference = await openReference();
      });

      afterAll(async () => {
        await engine.close();
        await reference.close();
      });

      const split = <T extends string>(rows: readonly T[], left: readonly string[]) => ({
        run: rows.filter((row) => !slow || !left.includes(row)),
        skipped: rows.filter((row) => slow && left.includes(row)),
      });
      const tried = {
        forward: split(Object.keys(networks), spared.forward),
        activations: split(activations, spared.activations),
        gradients: split(Object.keys(networks), spared.gradients),
        optimizers: split(Object.keys(optimizers), spared.optimizers),
      };
      it.skip.each(tried.forward.skipped)('forward: %s: too slow here', () => {});
      it.skip.each(tried.activations.skipped)('activation %s: too slow here', () => {});
      it.skip.each(tried.gradients.skipped)('gradients: %s: too slow here', () => {});
      it.skip.each(tried.optimizers.skipped)('optimizer %s: too slow here', () => {});

      it.each(tried.forward.run)('forward: %s', async (kind) => {
        const { network, weights } = program(networks[kind] ?? [], optimizers['sgd'] ?? fail());
        const outputs = [];
        for (const one of [engine, reference]) {
          const session = value(
            await one.openForward({ kind: 'network', network, weights, layer: 'logits', pooling: 'none' }, 4),
          );
          outputs.push(await session.run(numbers(4 * sizeOf(image), 3), 4));
          await session.close();
        }
        expect(furthest(outputs[1] ?? new Float32Array(), outputs[0] ?? new Float32Array())).toBeLessThan(1e-5);
      });

      it.each(tried.activations.run)('activation %s: forward and gradient', async (activation) => {
        await compareTraining(
          program(
            [conv('c', 3, 1, 'valid'), { type: 'activation', name: 'a', activation }, ...tail],
            optimizers['sgd'] ?? fail(),
          ),
          2,
        );
      });

      it.each(tried.gradients.run)('gradients: %s', async (kind) => {
        await compareTraining(program(networks[kind] ?? [], optimizers['sgd'] ?? fail()), 2);
      });

      it.each(tried.optimizers.run)('optimizer %s: five steps', async (kind) => {
        await compareTraining(program(networks['dense'] ?? [], optimizers[kind] ?? fail()), 5);
      });

      it('a frozen layer stays as it is to the bit, and its batch norm uses its statistics', async () => {
        const given = program(networks['batch-norm'] ?? [], optimizers['adam'] ?? fail(), { frozen: ['c', 'b'] });
        const { session } = await train(engine, given, 3);
        const state = await session.state();
        for (const [weight, { data }] of given.weights) {
          if (/^[cb]\//.test(weight)) expect(state.weights.get(weight)?.data, weight).toEqual(data);
          else expect(state.weights.get(weight)?.data, weight).not.toEqual(data);
        }
        await session.close();
        await compareTraining(given, 3);
      });

      it('a rate factor scales the rate of its layer', async () => {
        await compareTraining(
          program(networks['dense'] ?? [], optimizers['adam'] ?? fail(), { rateFactors: { hidden: 0.1 } }),
          3,
        );
      });

      it('a smaller last batch goes on with the same state', async () => {
        const given = program(networks['batch-norm'] ?? [], optimizers['adam'] ?? fail());
        const results = [];
        for (const one of [engine, reference]) {
          const { session } = await train(one, given, 2);
          const last = await session.step(batchOf(3, 5, 0.01));
          results.push(last.loss);
          await session.close();
        }
        expect(results[0]).toBeCloseTo(results[1] ?? Number.NaN, 4);
      });

      it('resumes to the same bits', async () => {
        const given = program(networks['dropout'] ?? [], optimizers['adam'] ?? fail());
        const whole = await train(engine, given, 6);
        const begun = await train(engine, given, 3);
        const saved = await begun.session.state();
        const resumed = value(await engine.openTraining(given));
        await resumed.restore(saved);
        const losses = [];
        for (let step = 3; step < 6; step++) losses.push((await resumed.step(batchOf(4, step, 0.01))).loss);
        expect(losses).toEqual(whole.losses.slice(3));
        expect((await resumed.state()).weights).toEqual((await whole.session.state()).weights);
        for (const session of [whole.session, begun.session, resumed]) await session.close();
      });

      it('gives a row the same bits in whatever batch it runs', async () => {
        const layers: readonly Layer[] = [
          conv('c', 16, 1, 'same'),
          pool('max-pool', 2, 2, 'valid'),
          { type: 'flatten', name: 'f' },
          dense('wide', 200, 'relu'),
          dense('logits', 3),
        ];
        const { network, weights } = program(layers, optimizers['sgd'] ?? fail());
        const session = value(
          await engine.openForward({ kind: 'network', network, weights, layer: 'c', pooling: 'none' }, 9),
        );
        const rows = numbers(9 * sizeOf(image), 1);
        const all = await session.run(rows.slice(), 9);
        const size = all.length / 9;
        for (let row = 0; row < 9; row++) {
          const alone = await session.run(rows.slice(row * sizeOf(image), (row + 1) * sizeOf(image)), 1);
          expect(alone, `row ${row}`).toEqual(all.slice(row * size, (row + 1) * size));
        }
        await session.close();
      });

      it('runs twice to the same bits', async () => {
        const given = program(networks['two conv2d'] ?? [], optimizers['adam'] ?? fail());
        const [first, second] = [await train(engine, given, 4), await train(engine, given, 4)];
        expect(second.losses).toEqual(first.losses);
        expect((await second.session.state()).weights).toEqual((await first.session.state()).weights);
        for (const { session } of [first, second]) await session.close();
      });

      it.skipIf(slow || (!tensors && process.platform !== 'linux'))('keeps nothing of 1,000 steps', async () => {
        // Where only the memory is known, weights of 0.26 MB: a gradient or a slot kept of every step would show.
        const units = tensors ? 8 : 300;
        const layers: readonly Layer[] = [
          { type: 'flatten', name: 'in' },
          dense('hidden', units, 'relu'),
          { type: 'batch-norm', name: 'b', momentum: 0.9, epsilon: 1e-3 },
          { type: 'dropout', name: 'drop', rate: 0.4 },
          dense('logits', 3),
        ];
        const held = tensors ?? megabytes;
        const { session } = await train(engine, program(layers, optimizers['adam'] ?? fail()), 100);
        const before = held();
        for (let step = 100; step < 1100; step++) await session.step(batchOf(4, step, 0.001));
        const grown = held() - before;
        await session.close();
        if (tensors) expect(grown).toBe(0);
        else expect(grown).toBeLessThan(100);
      });

      it('reads rows of a shared input, in any order, as it reads them by themselves', async () => {
        const given = program(networks['dropout'] ?? [], optimizers['adam'] ?? fail());
        const [own, sharing] = [value(await engine.openTraining(given)), value(await engine.openTraining(given))];
        const shared = new SharedInput(numbers(9 * sizeOf(image), 2));
        for (const [step, places] of [
          [8, 0, 3, 5],
          [2, 2, 7],
          [0, 1, 2, 3],
        ].entries()) {
          const rows = places.length;
          const size = sizeOf(image);
          const input = Float32Array.from(
            places.flatMap((p) => [...shared.numbers.subarray(p * size, (p + 1) * size)]),
          );
          const some = { input: shared.numbers, shared, rows, places: Uint32Array.from(places) };
          const batch = batchOf(rows, step, 0.01);
          const losses = [
            await own.step({ ...batch, input: input.slice() }),
            await sharing.step({ ...batch, ...some }),
          ];
          expect(losses[1]?.loss).toBe(losses[0]?.loss);
          expect(await sharing.predict(some)).toEqual(await own.predict({ input, rows }));
        }
        shared.release();
        for (const session of [own, sharing]) await session.close();
      });

      it('predicts probabilities with dropout off', async () => {
        const given = program(networks['dropout'] ?? [], optimizers['adam'] ?? fail());
        const outputs = [];
        for (const one of [engine, reference]) {
          const { session } = await train(one, given, 2);
          outputs.push(await session.predict({ input: numbers(5 * sizeOf(image), 9), rows: 5 }));
          await session.close();
        }
        expect(furthest(outputs[1] ?? new Float32Array(), outputs[0] ?? new Float32Array())).toBeLessThan(1e-5);
        for (let row = 0; row < 5; row++)
          expect([...(outputs[0]?.slice(row * 3, row * 3 + 3) ?? [])].reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      });
    },
  );

  async function compareTraining(given: TrainProgram, steps: number): Promise<void> {
    const [ours, theirs] = [await train(engine, given, steps), await train(reference, given, steps)];
    ours.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(theirs.losses[i] ?? Number.NaN, 4);
    });
    const [a, b] = [await ours.session.state(), await theirs.session.state()];
    for (const [weight, { data }] of b.weights)
      expect(furthest(data, a.weights.get(weight)?.data ?? new Float32Array()), weight).toBeLessThan(1e-5);
    for (const { session } of [ours, theirs]) await session.close();
  }
}

/** MB that this process and those below it hold in memory. */
function megabytes(): number {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8');
        const field = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
        return [{ id: Number(name), parent: field('PPid'), kilobytes: field('VmRSS') }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
  const of = (id: number): number =>
    processes.filter(({ parent }) => parent === id).reduce((sum, child) => sum + of(child.id), 0) +
    (processes.find((one) => one.id === id)?.kilobytes ?? 0);
  return of(process.pid) / 1024;
}

function fail(): never {
  throw new Error('no such row');
}
