/** The live view, on a terminal: `script` of util-linux lends one. */
import { spawn, spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { CliRig, cli } from '../cli-rig.ts';

const hasScript = (spawnSync('script', ['--version']).stdout?.toString() ?? '').includes('util-linux');

interface Shown {
  readonly code: number | null;
  /** What was written, without the codes that move the cursor. */
  readonly text: string;
}

/** Runs the command line on a terminal; once `until` is on it, Ctrl-C is pressed. */
function onTerminal(rig: CliRig, columns: number, words: readonly string[], until?: string): Promise<Shown> {
  const { CI: _, NO_COLOR: __, ...environment } = process.env;
  const command = `stty cols ${columns} rows 40; exec ${process.execPath} ${cli} ${words.join(' ')}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: rig.folder,
    env: { ...environment, TERM: 'xterm', PIPE_HOME: rig.path('home'), PIPE_CACHE: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  let pressed = false;
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    if (until === undefined || pressed || !text.includes(until)) return;
    pressed = true;
    child.stdin.write('\u0003');
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, text: stripVTControlCharacters(text).replaceAll('\r', '') }));
  });
}

it.skipIf(!hasScript)(
  'ends with the lines that a log would have (without `script` of util-linux: skipped)',
  async () => {
    using rig = CliRig.quickstart();
    const { code, text } = await onTerminal(rig, 120, ['run', 'quickstart', 'head', '--set', 'head.epochs=2']);
    expect(code).toBe(0);
    const lines = text.split('\n').map((line) => line.trimEnd());
    expect(lines.findLast((line) => /features +ran/.test(line))).toMatch(
      /^ {2}✓ features {2}ran {5}400 rows · not run before · /,
    );
    expect(lines.slice(-12).join('\n')).toMatch(/^ {2}✓ head {6}ran {5}not run before · .* s$/m);
    expect(text).not.toMatch(/\d\d?m✓/);
  },
);

it.skipIf(!hasScript)('draws nothing over where the terminal has no width (without `script`: skipped)', async () => {
  using rig = CliRig.quickstart();
  const { code, text } = await onTerminal(rig, 0, ['run', 'quickstart', 'features']);
  expect(code).toBe(0);
  expect(text.split('\n').filter((line) => /^ {2}✓ (digits|split|images|features)/.test(line))).toHaveLength(4);
});

it.skipIf(!hasScript)('stops at a batch boundary on Ctrl-C, and says so (without `script`: skipped)', async () => {
  using rig = CliRig.quickstart();
  const { code, text } = await onTerminal(rig, 120, ['run', 'quickstart', '--set', 'head.epochs=5000'], 'epoch ');
  expect(code).toBe(130);
  expect(text).toContain('interrupted; what was finished is kept');
  const { stdout } = await rig.run('runs', '--json');
  expect(JSON.parse(stdout)).toMatchObject([{ outcome: 'interrupted' }]);
  expect((await rig.last('plan', 'quickstart')).stages['features']).toMatchObject({ status: 'cached' });
});

it.skipIf(!hasScript)(
  'shows the trials of a sweep while they run, ranked, then once (without `script`: skipped)',
  async () => {
    using rig = CliRig.quickstart();
    const over = ['--over', 'head.epochs=40,80', '--over', 'head.batch=8', '--over', 'head.l2=0.001,0.002'];
    const { code, text } = await onTerminal(rig, 120, ['sweep', 'quickstart', ...over]);
    expect(code).toBe(0);
    expect(text).toMatch(/features [█░]{20} \d+ of 400/);
    expect(text).toMatch(/^ {8}\d {6}\d+ .* 0\.00\d .*[█░]{8} epoch \d+ of \d+/m);
    const lines = text.trimEnd().split('\n');
    expect(lines.at(-6)).toMatch(/^ {2}rank {2}trial {2}status {4}head\.epochs {2}head\.l2 {2}score\.log-loss/);
    expect(lines.at(-5)).toMatch(/^ {2}1 .* finished/);
    expect(lines.at(-1)).toMatch(/^ {2}4 trials · 0 cached · .* s · sweep /);
  },
);

it.skipIf(!hasScript)('Ctrl-C stops a sweep, which says how to go on (without `script`: skipped)', async () => {
  using rig = CliRig.quickstart();
  const sweep = ['sweep', 'quickstart', '--over', 'head.epochs=5000,6000'];
  const { code, text } = await onTerminal(rig, 120, sweep, 'epoch ');
  expect(code).toBe(130);
  expect(text).toContain('2 not run');
  expect(text).toContain('the same command goes on from there');
});
