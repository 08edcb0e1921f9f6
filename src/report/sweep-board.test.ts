import { expect, it } from 'vitest';
import { fingerprintOf } from '../base/digest.ts';
import type { SweepEvent } from '../sweep/run-sweep.ts';
import { SweepBoard } from './sweep-board.ts';
import { widthOf } from './text-width.ts';

const setting = (batch: number, more = '') => [
  { path: 'head.batch', value: batch },
  { path: 'head.epochs', value: 5 },
  { path: 'head.note', value: `x${more}` },
];
const planned = (trial: number, batch: number, more?: string): SweepEvent => ({
  event: 'trial-planned',
  trial,
  of: 3,
  settings: setting(batch, more),
  stages: ['features', `head${trial}`, `score${trial}`],
});
const progress = (stage: string, done: number, total: number, note?: string): SweepEvent => ({
  event: 'stage-progress',
  stage,
  done,
  total,
  rate: 10,
  ...(note && { note }),
});
const ended = (trial: number, score: number, status: 'finished' | 'failed' = 'finished'): SweepEvent => ({
  event: 'trial-finished',
  trial,
  of: 3,
  settings: setting(8 * trial),
  status,
  metrics: Number.isNaN(score) ? {} : { 'log-loss': score },
  score,
});
const started: SweepEvent = {
  event: 'run-started',
  format: 1,
  pipeline: 'p',
  run: 'r',
  stages: [],
  goal: { stage: 'score', metric: 'log-loss', direction: 'minimize' },
};

it('ranks what has ended, shows what is at work, and says how long the rest may take', () => {
  const board = new SweepBoard();
  for (const event of [started, planned(1, 8), planned(2, 16), planned(3, 24)]) board.note(event, 0);
  board.note(progress('features', 10, 100), 0);
  expect(board.lines(100, 20, 0)).toEqual([
    '  features ██░░░░░░░░░░░░░░░░░░ 10 of 100 · 10.0/s · 9.0 s left',
    '  0 of 3 trials',
  ]);
  const features = { event: 'stage-finished', stage: 'features', kind: 'k', status: 'ran', durationMs: 1 } as const;
  board.note({ ...features, fingerprint: fingerprintOf('f'), reason: { type: 'new' } }, 1000);
  board.note(progress('head1', 0, 100), 1000);
  board.note(ended(1, 0.5), 2000);
  board.note(progress('head2', 50, 100, 'epoch 3 of 5'), 2000);
  // A trial and a half in a second, and as much to do.
  expect(board.lines(100, 20, 2000)).toEqual([
    '  rank  trial  head.batch  score.log-loss  progress',
    '  1     1      8           0.5             finished',
    '        2      16                          ████░░░░ epoch 3 of 5 · 5.0 s left',
    '  1 of 3 trials · about 1.0 s left',
  ]);
  board.note(ended(2, Number.NaN, 'failed'), 3000);
  board.note(ended(3, 0.25), 3000);
  expect(board.lines(100, 20, 3000)).toEqual([
    '  rank  trial  head.batch  score.log-loss  progress',
    '  1     3      24          0.25            finished',
    '  2     1      8           0.5             finished',
    '  –     2      16          –               failed',
    '  3 of 3 trials · 1 failed',
  ]);
});

it('stays within the terminal, and escapes what would move its cursor', () => {
  const board = new SweepBoard();
  board.note(started, 0);
  for (let trial = 1; trial <= 50; trial++) board.note(planned(trial, trial, `\u001b[2J字${trial}`), 0);
  for (let trial = 1; trial <= 40; trial++) board.note(ended(trial, trial), 0);
  for (let trial = 41; trial <= 50; trial++) board.note(progress(`head${trial}`, 1, 2), 0);
  const lines = board.lines(40, 12, 1);
  expect(lines.length).toBeLessThanOrEqual(12);
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(40);
  expect(lines.join('')).not.toContain('\u001b');
});
