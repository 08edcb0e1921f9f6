import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../base/json.ts';
import { DrawStream } from '../base/philox.ts';
import type { PipelineConfig, StageConfig } from '../config/pipeline-config.ts';
import { SWEEP_STRATEGIES } from '../config/sweep-strategies.ts';
import { stageKinds } from '../stages/index.ts';
import { bestFile } from './best-file.ts';
import { gridPoints, gridSize, zipPoints } from './grid.ts';
import { readOver } from './over-option.ts';
import { type Point, readSpace, type Space } from './space.ts';
import { ashaStrategy } from './strategies/asha.ts';
import { halvingStrategy, rungs } from './strategies/halving.ts';
import { randomStrategy } from './strategies/random.ts';
import { sobolPoints } from './strategies/sobol.ts';
import { tpeStrategy } from './strategies/tpe.ts';
import { byScore, type Scored, type Strategy } from './strategy.ts';
import { readSweep } from './sweep-settings.ts';
import { showSettings } from './trial.ts';
import { ranked, type TrialResult } from './trial-result.ts';

function spaceOf(over: JsonObject): Space {
  const space = readSpace(over);
  if (!space.ok) throw new Error(space.error.diagnostic.message);
  return space.value;
}

const shown = (space: Space) => [...gridPoints(space)].map((point) => showSettings(space.settings(point)));

describe('a grid', () => {
  it('combines all with all, the last path changing fastest', () => {
    const space = spaceOf({ 'head.b': [1, 2], 'head.a': ['x', 'y'] });
    expect(shown(space)).toEqual(['head.a=x head.b=1', 'head.a=x head.b=2', 'head.a=y head.b=1', 'head.a=y head.b=2']);
  });

  it('varies conditional parameters only under their alternative', () => {
    const over = { 'head.optimizer': ['sgd', { adam: { learningRate: { logUniform: [1e-4, 1e-2] } } }] };
    const space = spaceOf(over);
    expect(gridSize(space)).toBe(4);
    expect(shown(space)).toEqual([
      'head.optimizer=sgd',
      'head.optimizer={"adam":{"learningRate":0.0001}}',
      'head.optimizer={"adam":{"learningRate":0.001}}',
      'head.optimizer={"adam":{"learningRate":0.01}}',
    ]);
  });

  const values = fc.uniqueArray(fc.oneof(fc.integer(), fc.string(), fc.boolean()), {
    minLength: 1,
    maxLength: 4,
    comparator: 'SameValue',
  });
  const paths = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}\.[a-z]{1,4}$/), { minLength: 1, maxLength: 4 });

  it('has as many combinations as it counts, each once, in any order of the keys', () => {
    fc.assert(
      fc.property(
        paths,
        fc.array(values, { minLength: 4, maxLength: 4 }),
        fc.infiniteStream(fc.nat()),
        (names, lists, draws) => {
          const entries = names.map((name, i): [string, Json] => [name, lists[i] ?? [0]]);
          const shuffled = entries
            .map((entry) => ({ entry, at: draws.next().value ?? 0 }))
            .sort((a, b) => a.at - b.at)
            .map(({ entry }) => entry);
          const one = spaceOf(Object.fromEntries(entries));
          const other = spaceOf(Object.fromEntries(shuffled));
          const settings = (space: Space) =>
            [...gridPoints(space)].map((point) => JSON.stringify(space.settings(point)));
          expect(settings(other)).toEqual(settings(one));
          expect(new Set(settings(one)).size).toBe(gridSize(one));
        },
      ),
    );
  });

  it('takes lists in step with zip, and refuses others', () => {
    const space = spaceOf({ 'a.x': [1, 2], 'a.y': [3, 4] });
    expect(zipPoints(space)?.map((point) => showSettings(space.settings(point)))).toEqual([
      'a.x=1 a.y=3',
      'a.x=2 a.y=4',
    ]);
    expect(zipPoints(spaceOf({ 'a.x': [1, 2], 'a.y': [3] }))).toBeUndefined();
  });
});

describe('what is refused', () => {
  it.each<[JsonObject, string]>([
    [{ 'a.x': [] }, 'has no values'],
    [{ 'a.x': [1, 1] }, 'has the value 1 twice'],
    [{ 'a.x': { loguniform: [1, 2] } }, 'neither a list'],
    [{ 'a.x': { logUniform: [0, 2] } }, 'starts at 0'],
    [{ 'a.x': { uniform: [2, 1] } }, 'the smaller first'],
    [{ 'a.x': { integer: [1.5, 3] } }, 'whole numbers'],
    [{ 'a.x': { uniform: [1, 2], points: 0 } }, 'points'],
  ])('%j', (over, message) => {
    const space = readSpace(over);
    expect(space.ok ? '' : space.error.diagnostic.message).toContain(message);
  });

  it.each(['', '=1', 'a.b', 'a.b=', 'a.b=gauss(1,2)', 'a.b={'])('--over %j', async (words) => {
    expect((await readOver(words)).ok).toBe(false);
  });

  it.each<[string, readonly [string, Json]]>([
    ['a.b=1,x,true', ['a.b', [1, 'x', true]]],
    ['a.b=[64, 128]', ['a.b', [64, 128]]],
    ['a.b=loguniform(1e-4, 1e-2)', ['a.b', { logUniform: [1e-4, 1e-2] }]],
    ['a.layers=[[{dense: 5}], []]', ['a.layers', [[{ dense: 5 }], []]]],
  ])('but not --over %s', async (words, read) => {
    expect(await readOver(words)).toEqual({ ok: true, value: read });
  });
});

it('the Sobol sequence is that of SciPy', () => {
  const vectors: number[][] = JSON.parse(
    readFileSync(new URL('../../test/vectors/sobol/vectors.json', import.meta.url), 'utf8'),
  );
  expect(sobolPoints(16, 64)).toEqual(vectors);
});

/** Runs a strategy to its end on a function of its space's settings. @returns all that was tried. */
function runOn(strategy: Strategy, score: (proposal: Pick<Scored, 'point' | 'extra'>) => number): readonly Scored[] {
  const tried: Scored[] = [];
  for (let next = strategy.propose(tried); next.length > 0; next = strategy.propose(tried))
    tried.push(...next.map((proposal) => ({ ...proposal, score: score(proposal) })));
  return tried;
}

describe('random search and TPE', () => {
  const space = spaceOf({ 'f.x': { uniform: [-5, 10] }, 'f.y': { uniform: [0, 15] } });
  const numbers = (proposal: Pick<Scored, 'point'>) => space.settings(proposal.point).map(({ value }) => Number(value));
  /** Branin's function (Dixon and Szegö 1978): three minima of 0.397887. */
  const branin = (proposal: Pick<Scored, 'point'>) => {
    const [x = 0, y = 0] = numbers(proposal);
    const a = y - (5.1 / (4 * Math.PI ** 2)) * x ** 2 + (5 / Math.PI) * x - 6;
    return a ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
  };
  const best = (tried: readonly Scored[]) => Math.min(...tried.map(({ score }) => score));

  it('draws uniformly: means and the share of each quarter', () => {
    const tried = runOn(randomStrategy({ space, seed: 1, trials: 4000 }), branin);
    const xs = tried.map((one) => numbers(one)[0] ?? 0);
    expect(Math.abs(xs.reduce((a, b) => a + b, 0) / xs.length - 2.5)).toBeLessThan(0.25);
    for (let quarter = 0; quarter < 4; quarter++) {
      const share = xs.filter((x) => Math.floor((x + 5) / 3.75) === quarter).length / xs.length;
      expect(Math.abs(share - 0.25)).toBeLessThan(0.03);
    }
  });

  it('keeps its draws when there are more trials or other parameters', () => {
    const few = runOn(randomStrategy({ space, seed: 1, trials: 5 }), branin);
    const many = runOn(randomStrategy({ space, seed: 1, trials: 9 }), branin);
    expect(many.slice(0, 5)).toEqual(few);
  });

  it('TPE finds better values of Branin than as many random draws, over 20 seeds', () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[10] ?? 0;
    const random = median(seeds.map((seed) => best(runOn(randomStrategy({ space, seed, trials: 60 }), branin))));
    const tpe = median(seeds.map((seed) => best(runOn(tpeStrategy({ space, seed, trials: 60 }), branin))));
    expect(tpe).toBeLessThan(random);
    expect(tpe).toBeLessThan(0.8);
  });

  it('TPE prefers the alternative that scores better', () => {
    const choices = spaceOf({ 'f.x': ['a', 'b', 'c', 'd'] });
    const score = ({ point }: Pick<Scored, 'point'>) => (choices.settings(point)[0]?.value === 'c' ? 0 : 1);
    const tried = runOn(tpeStrategy({ space: choices, seed: 3, trials: 60 }), score);
    expect(tried.slice(20).filter((one) => one.score === 0).length).toBeGreaterThan(20);
  });
});

describe('any order of the keys', () => {
  const at = { file: 'p.yaml', line: 1, column: 1 };
  const stage = (name: string, kind: string, settings: JsonObject): StageConfig => ({
    name,
    kind,
    from: {},
    with: settings,
    environment: new Map(),
    environmentPointers: new Map(),
    location: () => at,
    baseDirectory: () => '/',
  });
  const config: PipelineConfig = {
    path: '/p.yaml',
    name: 'p',
    description: '',
    seed: 7,
    stages: [stage('head', 'train-head', { epochs: 9 }), stage('score', 'evaluate', {})],
    overrides: {},
    files: [],
  };
  const distribution = fc.oneof(
    fc.constant<Json>([1, 2, 3]),
    fc.constant<Json>([{ a: { uniform: [0, 1] } }, 'b', { c: [{ integer: [1, 9] }] }]),
    fc.constant<Json>({ uniform: [-1, 2] }),
    fc.constant<Json>({ logUniform: [0.001, 1] }),
    fc.constant<Json>({ logInteger: [1, 100] }),
    fc.constant<Json>({ choice: ['x', 'y', 'z'] }),
  );
  const paths = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}\.[a-z]{1,3}$/), { minLength: 1, maxLength: 3 });

  it.each([...SWEEP_STRATEGIES])('gives the same trials: %s', (strategy) => {
    fc.assert(
      fc.property(paths, fc.array(distribution, { minLength: 3, maxLength: 3 }), (names, specs) => {
        const entries = names.map((name, i): [string, Json] => [name, specs[i] ?? [1]]);
        const trialsOf = (over: JsonObject) => {
          const block = { over, strategy, limit: { trials: 16 } };
          const settings = readSweep({ block, at: () => undefined }, config, stageKinds);
          if (!settings.ok) return settings.error.message.replace(/ there are .*/, '');
          const { space } = settings.value;
          // A score that hangs on the settings alone.
          const score = (point: Point) => hash(JSON.stringify(space.settings(point)));
          return runOn(settings.value.strategy, ({ point }) => score(point)).map(({ point, extra }) => [
            JSON.stringify(space.settings(point)),
            extra,
          ]);
        };
        expect(trialsOf(Object.fromEntries([...entries].reverse()))).toEqual(trialsOf(Object.fromEntries(entries)));
      }),
      { numRuns: 40 },
    );
  });

  function hash(text: string): number {
    let sum = 7;
    for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) % 1_000_003;
    return sum;
  }
});

describe('successive halving', () => {
  it('gives each rung a factor more and keeps one part in so many', () => {
    expect(rungs({ setting: 'h.epochs', least: 1, most: 9, factor: 3 })).toEqual([1, 3, 9]);
    const draws = new DrawStream(1, 'halving');
    const points = Array.from({ length: 9 }, (_, i) => new Map([['x', i / 9 + draws.uniform() / 100]]));
    const tried = runOn(
      halvingStrategy(points, { setting: 'h.epochs', least: 1, most: 9, factor: 3 }),
      ({ point }) => point.get('x') ?? Number.NaN,
    );
    expect(tried.map(({ label }) => label).join('')).toBe('0000000001112');
    expect(tried.at(-1)).toMatchObject({ extra: { 'h.epochs': 9 }, point: points[0] });
  });

  it('drops what gave no number', () => {
    const points = [1, 2, 3].map((x) => new Map([['x', x]]));
    const tried = runOn(
      halvingStrategy(points, { setting: 'h.epochs', least: 1, most: 3, factor: 3 }),
      () => Number.NaN,
    );
    expect(tried).toHaveLength(3);
  });

  it('goes on with a rung of which only a part was tried', () => {
    const points = Array.from({ length: 9 }, (_, x) => new Map([['x', x]]));
    const strategy = halvingStrategy(points, { setting: 'h.epochs', least: 1, most: 3, factor: 3 });
    const tried = strategy.propose([]).slice(0, 4);
    const rest = strategy.propose(tried.map((proposal, score) => ({ ...proposal, score })));
    expect(rest.map(({ point, label }) => [point.get('x'), label])).toEqual([4, 5, 6, 7, 8].map((x) => [x, '0']));
  });
});

describe('asynchronous halving', () => {
  const settings = { setting: 'h.epochs', least: 1, most: 9, factor: 3 };
  const scored = (points: readonly Point[]) =>
    runOn(ashaStrategy(points, settings), ({ point }) => point.get('x') ?? Number.NaN);

  it('gives a combination all epochs before all others have begun', () => {
    const tried = scored(Array.from({ length: 60 }, (_, x) => new Map([['x', x]])));
    const first = tried.findIndex(({ label }) => label === '2');
    expect(tried.slice(0, first).filter(({ label }) => label === '0').length).toBeLessThan(60);
    expect(tried[first]).toMatchObject({ extra: { 'h.epochs': 9 } });
  });

  it('tries every combination once a rung, and only what has come through the rungs below', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.double(), fc.constant(Number.NaN)), { minLength: 1, maxLength: 60 }),
        (scores) => {
          const points = scores.map((x) => new Map([['x', x]]));
          const tried = scored(points);
          const at = (rung: number) => tried.filter(({ label }) => label === String(rung)).map(({ point }) => point);
          expect(at(0)).toEqual(points);
          for (const rung of [1, 2]) {
            expect(new Set(at(rung)).size).toBe(at(rung).length);
            expect(at(rung - 1)).toEqual(expect.arrayContaining(at(rung)));
          }
          const best = [...tried.filter(({ label }) => label === '0')].sort(byScore)[0];
          const reaches = best && !Number.isNaN(best.score);
          expect(at(2).some((point) => point.get('x') === best?.score)).toBe(reaches);
        },
      ),
    );
  });
});

it('what is no number ranks last', () => {
  const result = (trial: number, score: number): TrialResult => ({
    trial,
    score,
    settings: [],
    status: 'finished',
    metrics: {},
  });
  const order = ranked([result(1, Number.NaN), result(2, 0.5), result(3, 0.1)]).map(({ trial }) => trial);
  expect(order).toEqual([3, 2, 1]);
});

it('writes the best values into the file and keeps its comments and layout', async () => {
  const text = [
    '# what this is',
    'seed: 1 # of everything',
    'stages:',
    '  head:',
    '    kind: train-head',
    '    with: # the settings',
    '      optimizer: adam # or sgd',
    '      batch: 128 # rows',
    'sweep: { over: { head.batch: [1, 2] } }',
    '',
  ].join('\n');
  const settings = [
    { path: 'head.batch', value: 64 },
    { path: 'head.optimizer.adam.learningRate', value: 0.01 },
    { path: 'seed', value: 7 },
    { path: 'head.epochs', value: 3 },
  ];
  expect(await bestFile(text, settings)).toBe(
    [
      '# what this is',
      'seed: 7 # of everything',
      'stages:',
      '  head:',
      '    kind: train-head',
      '    with: # the settings',
      '      epochs: 3',
      '      optimizer: { adam: { learningRate: 0.01 } } # or sgd',
      '      batch: 64 # rows',
      '',
    ].join('\n'),
  );
});
