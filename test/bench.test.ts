/** The bench runs; what it measures is not judged here. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { repository } from './cli-rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'pipe-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

function bench(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(repository, 'bench', 'run.mjs'), ...words], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

const rowsOf = (table: string) => table.split('\n').filter((line) => line.startsWith('| '));

describe('npm run bench', () => {
  it('lists its cases with what they measure', () => {
    const { code, stdout } = bench('--list');
    const names = stdout.split('\n').map((line) => line.split(' ')[0]);
    expect(code).toBe(0);
    for (const name of ['cached', 'vgg16', 'input', 'precision', 'head', 'head-step-engines', 'fine-tune', 'gpu-vgg16'])
      expect(names).toContain(name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('refuses a case and an option that it does not know', () => {
    expect(bench('vgg61')).toMatchObject({ code: 2, stderr: expect.stringContaining('no case vgg61') });
    expect(bench('--rounds', '3')).toMatchObject({ code: 2, stderr: expect.stringContaining('--rounds') });
    expect(bench('--n', '0', 'cached')).toMatchObject({ code: 2, stderr: expect.stringContaining('--n 0') });
  });

  it('runs a case, keeps the table as JSON and compares with an earlier one', () => {
    const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')];
    const first = bench('change-head', '--n', '1', '--json', one);
    expect(first.stderr).not.toContain('failed');
    expect(first.code).toBe(0);
    expect(rowsOf(first.stdout)[0]).toMatch(/^\| case +\| what +\| unit +\| median +\| min +\| max +\| n +\| target/);
    const table: { rows: { case: string; figure: { median: number; n: number } }[] } = JSON.parse(
      readFileSync(one, 'utf8'),
    );
    const [row] = table.rows;
    expect(row).toMatchObject({ case: 'change-head', unit: 'ms', figure: { n: 1 } });

    const doubled = table.rows.map((was) => ({ ...was, figure: { ...was.figure, median: 2 * was.figure.median } }));
    writeFileSync(two, JSON.stringify({ ...table, rows: doubled }));
    const both = bench('--compare', one, '--compare', two);
    expect(both.code).toBe(0);
    expect(rowsOf(both.stdout)).toHaveLength(2);
    expect(
      rowsOf(both.stdout)[1]
        ?.split('|')
        .map((cell) => cell.trim()),
    ).toContain('2.00');
  });

  it.each([
    [3, 0, 2],
    [5, 0, 4],
    [7, 0, 6],
    [8, 1, 6],
    [11, 2, 8],
    [15, 3, 11],
  ])('gives the 90 %% interval of a median of %i ratios by order', (n, low, high) => {
    const program = `
      const { interleave } = await import(${JSON.stringify(pathToFileURL(join(repository, 'bench/pairs.mjs')).href)});
      let at = 0;
      const { a } = await interleave({ a: () => at++, b: () => 1 }, ${n});
      console.log(JSON.stringify(a.interval));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([low, high]);
  });

  const driver = existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
  it.skipIf(driver)(
    'says of every GPU case why it was not run, with its command (skipped where there is a GPU)',
    () => {
      const { code, stdout } = bench('--gpu');
      const rows = rowsOf(stdout).slice(1);
      expect(code).toBe(0);
      expect(rows.length).toBeGreaterThan(10);
      for (const row of rows) expect(row).toMatch(/not run: .*`.*npm run bench -- --gpu gpu-/);
      for (const who of ['tfjs-node-gpu', 'ort cuda', 'ort webgpu', 'torch'])
        expect(rows.filter((row) => row.includes(`: ${who} `)).length).toBeGreaterThanOrEqual(3);
    },
  );
});
