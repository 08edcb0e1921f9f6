/** A sweep stopped at any moment and run again ends as one that nothing stopped. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CliResult, CliRig, finished } from '../cli-rig.ts';

const SWEEPS = {
  asha: ['--strategy', 'asha', '--over', 'head.batch=8,16,24,32,48,64,80,96,128', '--set', 'head.epochs=9'],
  halving: ['--strategy', 'halving', '--over', 'head.batch=16,32,64', '--set', 'head.epochs=9'],
  tpe: ['--strategy', 'tpe', '--trials', '12', '--over', 'head.l2=loguniform(1e-4,1e-1)', '--set', 'head.epochs=3'],
  grid: ['--over', 'head.epochs=2,4', '--over', 'features.pooling=none,average'],
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
  const whole = new Map<Name, readonly unknown[]>();
  for (const name of ['asha', 'halving', 'tpe', 'grid'] as const) {
    using rig = CliRig.quickstart();
    whole.set(name, trialsOf(await sweep(rig, name)));
  }
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Name>('asha', 'halving', 'tpe', 'grid'),
      fc.constantFrom<NodeJS.Signals>('SIGINT', 'SIGKILL'),
      fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 2 }),
      async (name, signal, stops) => {
        using rig = CliRig.quickstart();
        for (const events of stops) {
          const stopped = await sweep(rig, name, events, signal);
          expect(signal === 'SIGINT' ? [0, 130] : [0, null]).toContain(stopped.code);
        }
        expect(trialsOf(await sweep(rig, name))).toEqual(whole.get(name));
      },
    ),
    { numRuns: 10 },
  );
}, 300_000);
