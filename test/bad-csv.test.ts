/** What CSV files and their folders can have wrong with them: each fault is told by code, file and line, before anything is computed. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Diagnostic } from '../src/base/diagnostic.ts';
import { planPipeline } from '../src/cli/compose.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bad-csv-'));
  write('package.json', '{}');
  for (const name of ['a.png', 'b.png', 'c.png']) write(`images/${name}`, `picture ${name}`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

interface Read {
  /** Errors, or where there are none the warnings. */
  readonly said: readonly Diagnostic[];
  readonly rows: readonly (readonly [name: string, label: string | undefined])[];
  readonly classes: readonly string[];
}

async function read(csv: string | Uint8Array): Promise<Read> {
  write('train.csv', csv);
  write('p.yaml', 'stages: { data: { kind: ingest-csv, with: { train: { csv: train.csv, images: images } } } }\n');
  const planned = await planPipeline(join(folder, 'p.yaml'), {
    workingFolder: folder,
    environment: { PIPE_HOME: join(folder, 'home') },
  });
  if (!planned.ok) return { said: planned.error, rows: [], classes: [] };
  const [stage] = planned.value.plan.stages;
  const table = await stage?.resolved.rows?.();
  if (!table?.ok) return { said: table?.error ?? [], rows: [], classes: [] };
  const { count, classes, label } = table.value;
  const rows = Array.from({ length: count }, (_, row) => [table.value.name(row), classes[label[row] ?? -1]] as const);
  return { said: stage?.resolved.warnings ?? [], rows, classes };
}

const shown = ({ said }: Read) =>
  said.map(
    ({ code, message, help, location }) =>
      `${code} ${location ? `${location.file.split('/').at(-1)}:${location.line}` : ''} ${message} | ${help ?? ''}`,
  );
const good = 'filename,label\na.png,x\nb.png,y\n';

it('reads a CSV', async () => {
  expect(await read(good)).toEqual({
    said: [],
    rows: [
      ['a.png', 'x'],
      ['b.png', 'y'],
    ],
    classes: ['x', 'y'],
  });
});

describe('names', () => {
  it.each([
    '../a.png',
    '/etc/passwd',
    '~/a.png',
    'file:///a.png',
    '\\\\host\\a.png',
    'C:\\a.png',
    'C:a.png',
    'images/../../a.png',
  ])('D1: %s is refused with its line', async (name) => {
    const said = shown(await read(`filename,label\na.png,x\n${name},y\n`));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^D0(13|14|23) train\.csv:3 /);
  });

  it('D2: a link that leaves the folder is refused', async () => {
    symlinkSync(write('outside.png', 'secret'), join(folder, 'images', 'link.png'));
    expect(shown(await read('filename,label\na.png,x\nlink.png,y\n'))[0]).toMatch(/^D014 train\.csv:3 .*link\.png/);
  });

  it('D17: percent signs are no escapes', async () => {
    write('images/%2e%2e.png', 'one');
    write('images/a%2fb.png', 'two');
    expect((await read('filename,label\n%2e%2e.png,x\na%2fb.png,y\n')).rows.map(([name]) => name)).toEqual([
      '%2e%2e.png',
      'a%2fb.png',
    ]);
  });

  it('D14: missing images are counted, the first ones listed, before anything runs', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `no-${i}.png,x`);
    const said = shown(await read(`filename,label\n${lines.join('\n')}\n`)).join('\n');
    expect(said).toContain('D013');
    expect(said).toMatch(/30|10 (more|others)/);
    expect(said).toContain('no-0.png');
    expect(said).not.toContain('no-25.png');
  });
});

describe('text', () => {
  it.each([
    ['a byte order mark', `\uFEFF${good}`],
    ['CRLF', good.replaceAll('\n', '\r\n')],
    ['no newline at the end', good.trimEnd()],
    ['blank lines at the end', `${good}\n\n`],
  ])('D4: %s gives the same rows', async (_, text) => {
    expect((await read(text)).rows).toEqual([
      ['a.png', 'x'],
      ['b.png', 'y'],
    ]);
  });

  it('D3: a NUL is refused with its line', async () => {
    expect(shown(await read('filename,label\na.png,x\nb\0.png,y\n'))[0]).toMatch(/train\.csv:3|NUL/);
  });

  it.each([
    ['UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(good, 'utf16le')])],
    ['Latin-1', Buffer.from('filename,label\na.png,h\u00e9\n', 'latin1')],
  ])('D5: %s is named', async (name, bytes) => {
    const said = shown(await read(bytes))[0] ?? '';
    expect(said).toMatch(/^D020 /);
    expect(said).toMatch(name === 'UTF-16' ? /UTF-16/ : /Latin-1|Windows-1252|UTF-8/);
  });

  it('D6: a quote that is never closed is told at its first line', async () => {
    expect(shown(await read('filename,label\na.png,x\n"b.png,y\nc.png,z\n'))[0]).toMatch(/^D026 train\.csv:3 /);
  });

  it('D7: lines are counted right behind a quoted newline', async () => {
    expect(shown(await read('filename,label\na.png,"x\ny"\n../b.png,y\n'))[0]).toMatch(/train\.csv:4 /);
  });

  it('D8: a ragged row says what was expected and found', async () => {
    expect(shown(await read('filename,label\na.png,x\nb.png,y,z\n'))[0]).toMatch(/^D021 train\.csv:3 .*2.*3|3.*2/);
  });

  it.each(['filename,filename\na.png,x\n', 'picture,label\na.png,x\n'])('D9: %j lists the columns', async (text) => {
    expect(shown(await read(text))[0]).toMatch(/^D025 train\.csv:1 .*(filename|picture)/);
  });

  it('D10: __proto__ is a label like any other', async () => {
    const { rows, classes } = await read('filename,label,__proto__\na.png,__proto__,1\nb.png,constructor,2\n');
    expect(classes).toEqual(['__proto__', 'constructor']);
    expect(rows).toHaveLength(2);
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });

  it.each([
    ['nothing at all', '', /D02[45]/],
    ['a header alone', 'filename,label\n', /D024/],
    ['an empty label', 'filename,label\na.png,x\nb.png,\n', /D022 train\.csv:3/],
  ])('D11: %s is refused', async (_, text, fault) => {
    expect(shown(await read(text))[0]).toMatch(fault);
  });

  it('D12: a line of 20 MB is refused at the limit of a cell', async () => {
    expect(shown(await read(`filename,label\na.png,${'x'.repeat(20_000_000)}\n`))[0]).toMatch(/^D026 train\.csv:2 /);
  });

  it('D13: a hundred thousand quotes take no time', async () => {
    const started = performance.now();
    await read(`filename,label\na.png,"${'""'.repeat(100_000)}"\n`);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('D15: a file twice is told, and under two labels refused', async () => {
    expect(shown(await read('filename,label\na.png,x\nb.png,y\na.png,x\n'))[0]).toMatch(/^D02[17]|^D011/);
    const twice = await read('filename,label\na.png,x\nb.png,y\na.png,y\n');
    expect(twice.rows).toEqual([]);
    expect(shown(twice)[0]).toMatch(/^D010|^D027/);
  });

  it.each([
    ['space', 'x', 'x '],
    ['case', 'Ant', 'ant'],
    ['composition', 'caf\u00e9', 'cafe\u0301'],
  ])('D16: labels that differ in %s alone are pointed out', async (_, one, other) => {
    expect(shown(await read(`filename,label\na.png,${one}\nb.png,"${other}"\n`))[0]).toMatch(/^D012 /);
  });

  it('D18: a quote mark before a formula is taken off again', async () => {
    const { classes } = await read("filename,label\na.png,'=1+1\nb.png,y\n");
    expect(classes).toEqual(['=1+1', 'y']);
  });
});
