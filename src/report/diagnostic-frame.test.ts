import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { escapeForTerminal } from '../base/escape.ts';
import { diagnosticFrame } from './diagnostic-frame.ts';

const TEXT = 'pipeline: p\nstages:\n  head:\n    with:\n      optimizer: adma\n      größe: 大きい # wide\n';
const frame = (diagnostic: Diagnostic, text: string | undefined = TEXT) =>
  diagnosticFrame(diagnostic, { colors: false, textOf: () => text });
const at = (line: number, column: number, endColumn?: number) => ({
  file: 'p.yaml',
  line,
  column,
  ...(endColumn && { endColumn }),
});

describe('a frame', () => {
  it('has the place, the line, carets and the way out', () => {
    expect(
      frame(problem('P012', 'unknown optimizer "adma"', { location: at(5, 18, 22), help: 'did you mean "adam"?' })),
    ).toBe(
      [
        'error[P012]: unknown optimizer "adma"',
        ' --> p.yaml:5:18',
        '  |',
        '5 |       optimizer: adma',
        '  |                  ^^^^',
        '  = help: did you mean "adam"?',
      ].join('\n'),
    );
  });

  it('shows every place that takes part', () => {
    const text = frame(
      problem('P007', 'twice', { location: at(5, 7, 16), related: [{ message: 'first here', location: at(3, 3, 7) }] }),
    );
    expect(text.split('\n').slice(5)).toEqual([' ::: p.yaml:3:3', '  |', '3 |   head:', '  |   ---- first here']);
  });

  it('puts carets under wide characters', () => {
    const lines = frame(problem('P012', 'x', { location: at(6, 14, 17) })).split('\n');
    expect(lines.slice(3)).toEqual(['6 |       größe: 大きい # wide', '  |              ^^^^^^']);
  });

  it('does without the line where the file is gone, and without a place where there is none', () => {
    expect(
      diagnosticFrame(problem('P012', 'x', { location: at(5, 18) }), { colors: false, textOf: () => undefined }),
    ).toBe('error[P012]: x\n --> p.yaml:5:18');
    expect(frame(problem('U001', 'x', { help: 'y' }))).toBe('error[U001]: x\n  = help: y');
  });

  it('shows the words of --set as their own source', () => {
    const location = { file: '--set hed.epochs=5', line: 1, column: 1, endColumn: 4 };
    expect(diagnosticFrame(problem('U003', 'no stage', { location }), { colors: false })).toBe(
      'error[U003]: no stage\n --> --set hed.epochs=5\n  |\n1 | hed.epochs=5\n  | ^^^',
    );
  });

  it('cuts a long line around the mark', () => {
    const text = frame(
      problem('P012', 'x', { location: at(1, 5001, 5004) }),
      `${'a'.repeat(5000)}bad${'c'.repeat(5000)}`,
    );
    const [, , , line = '', carets = ''] = text.split('\n');
    expect(line.length).toBeLessThan(140);
    expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('bad');
  });

  it('has colours only where they are wanted', () => {
    const diagnostic = problem('P012', 'x', { location: at(5, 18, 22) });
    expect(diagnosticFrame(diagnostic, { colors: true, textOf: () => TEXT })).toContain('\u001b[');
    expect(diagnosticFrame(diagnostic, { colors: false, textOf: () => TEXT })).not.toContain('\u001b[');
  });
});

describe('R3 R4 escaping', () => {
  it.each([
    ['a\u001b[2Jb', 'a\\u001b[2Jb'],
    ['a\rb\tc\nd', 'a\\rb\\tc\\nd'],
    ['\u009b31m', '\\u009b31m'],
    ['x\u202egnp.exe', 'x\\u202egnp.exe'],
    ['a\u200bb\u2066c\ufeff', 'a\\u200bb\\u2066c\\ufeff'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\ud800', '\\ud800'],
    ['größe 大きい 🐘 – “x”', 'größe 大きい 🐘 – “x”'],
  ])('%j', (text, expected) => {
    expect(escapeForTerminal(text)).toBe(expected);
  });

  it('lets no control or bidirectional character of any text through a frame', () => {
    const hostile = fc.string({ unit: 'binary', maxLength: 30 });
    fc.assert(
      fc.property(hostile, hostile, fc.integer({ min: 1, max: 40 }), (message, line, column) => {
        const diagnostic = problem('P012', message, { location: { file: message, line: 1, column }, help: line });
        const shown = diagnosticFrame(diagnostic, { colors: false, textOf: () => line });
        expect(shown).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
      }),
    );
  });
});
