/** A sweep stopped at any moment and run again ends as one that nothing stopped. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CliResult, CliRig, finished } from '../cli-rig.ts';

/** Few rows and small heads: what is tested hangs on the events, not on the work between them. */
const SMALL = ['--set', 'split.take=120', '--set', 'head.layers=[{dense: 8}]'];
const POOLED = [...SMALL, '--set', 'features.pooling=average'];

const SWEEPS = {
  asha: [
    ...['--strategy', 'asha', '--over', 'head.batch=8,16,24,32,48,64,80,96,128', '--set', 'head.epochs=9'],
    ...POOLED,
  ],
  halving: ['--strategy', 'halving', '--over', 'head.batch=16,32,64', '--set', 'head.epochs=9', ...POOLED],
  tpe: [
    ...['--strategy', 'tpe', '--trials', '12', '--over', 'head.l2=loguniform(1e-4,1e-1)', '--set', 'head.epochs=3'],
    ...POOLED,
  ],
  grid: ['--over', 'head.epochs=2,4', '--over', 'features.pooling=none,average', ...SMALL],
} as const;

type Name = keyof typeof SWEEPS;

/** Sweeps; once `events` lines were told, the signal comes. */
async function sweep(rig: CliRig, name: Name, events?: number, signal?: NodeJS.Signals): Promise<CliResult> {
  const child = rig.start(['sweep', 'quickstart', ...SWEEPS[name], '--json']);
  const ended = finished(child);
  let told = 0;
  child.stdout?.on('data', (text: string) => {
    told += text.split('\n').length - 1;
    if (events === undefined || told < events || child.killed) return;
    child.kill(signal);
  });
  return ended;
}

/** What every trial gave, in the order of the trials. */
function trialsOf({ stdout }: CliResult): readonly unknown[] {
  const last: { readonly trials: readonly { readonly trial: number; readonly [member: string]: unknown }[] } =
    JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  return [...last.trials]
    .sort((a, b) => a.trial - b.trial)
    .map(({ trial, settings, metrics, score, label }) => ({ trial, settings, metrics, score, label }));
}

it('a sweep interrupted or killed at any event and resumed ends as the uninterrupted one', async () => {
  const whole = new Map<Name, { readonly trials: readonly unknown[]; readonly events: number }>();
  for (const name of ['asha', 'halving', 'tpe', 'grid'] as const) {
    using rig = CliRig.quickstart();
    const done = await sweep(rig, name);
    whole.set(name, { trials: trialsOf(done), events: done.stdout.split('\n').length - 1 });
  }
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Name>('asha', 'halving', 'tpe', 'grid'),
      fc.constantFrom<NodeJS.Signals>('SIGINT', 'SIGKILL'),
      // Of the events that the sweep tells of, in percent.
      fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 2 }),
      async (name, signal, stops) => {
        using rig = CliRig.quickstart();
        const { trials, events } = whole.get(name) ?? { trials: [], events: 0 };
        for (const percent of stops) {
          const stopped = await sweep(rig, name, Math.ceil((percent / 100) * events), signal);
          expect(signal === 'SIGINT' ? [0, 130] : [0, null]).toContain(stopped.code);
        }
        expect(trialsOf(await sweep(rig, name))).toEqual(trials);
      },
    ),
    { numRuns: 10 },
  );
}, 300_000);
