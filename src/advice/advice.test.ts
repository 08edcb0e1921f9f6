import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DrawStream } from '../base/philox.ts';
import { assess } from './assessment.ts';
import { logEvidence, prepareEvidence } from './log-evidence.ts';
import { scenarioOf } from './scenario.ts';

interface Case {
  readonly rows: number;
  readonly width: number;
  readonly classes: number;
  readonly features: readonly number[];
  readonly labels: readonly number[];
  readonly evidence: number;
}

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../../test/vectors/log-evidence/vectors.json', import.meta.url), 'utf8'),
);

it.each(cases)('LogME is the maximum that SciPy finds ($rows × $width, $classes classes)', (given) => {
  const prepared = prepareEvidence(Float32Array.from(given.features), given.rows, given.width);
  expect(logEvidence(prepared, given.labels, given.classes)).toBeCloseTo(given.evidence, 4);
});

/** Two classes whose features differ by `distance` standard deviations in every column. */
function clusters(distance: number, rows = 60, width = 8) {
  const draws = new DrawStream(1, 'advice');
  const labels = Int32Array.from({ length: rows }, (_, row) => row % 2);
  const features = Float32Array.from(
    { length: rows * width },
    (_, i) => draws.normal() + distance * (labels[Math.floor(i / width)] ?? 0),
  );
  return { features, width, labels, classes: 2 };
}

describe('an assessment', () => {
  it('finds nothing in features without a sign of the classes', () => {
    const { gain, similarity } = assess(clusters(0), 1);
    expect(Math.abs(gain)).toBeLessThan(0.1);
    expect(Math.abs(similarity)).toBeLessThan(0.35);
  });

  it('grows with the distance of the classes, up to a kappa of 1', () => {
    const [weak, strong] = [assess(clusters(0.7), 1), assess(clusters(4), 1)];
    expect(weak.gain).toBeGreaterThan(0);
    expect(strong.gain).toBeGreaterThan(weak.gain);
    expect(strong.similarity).toBe(1);
  });

  it('is the same every time', () => {
    expect(assess(clusters(1), 3)).toEqual(assess(clusters(1), 3));
  });
});

it.each([
  [499, 0.5, 'small-similar'],
  [500, 0.5, 'large-similar'],
  [499, 0.49, 'small-different'],
  [500, 0.49, 'large-different'],
])('%i images a class and a similarity of %d make %s', (perClass, similarity, name) => {
  expect(scenarioOf(perClass, similarity).name).toBe(name);
});
