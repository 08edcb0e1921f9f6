/** A text that values come from: a pipeline file, or the words after `--set`. Knows lines and columns. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';

export interface SourceText {
  /** Absolute path; for `--set`, of the file that is overridden. */
  readonly path: string;
  /** How messages name it. */
  readonly shown: string;
  readonly text: string;
  /** Relative paths that it writes start here. */
  readonly folder: string;
}

/** A stretch of a source, in UTF-16 units. */
export interface Place {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export function sourceText(path: string, text: string): SourceText {
  return { path, shown: shownPath(path), text, folder: dirname(path) };
}

/** The words of one `--set`: its "file" is the option itself, so that a frame can show it without reading anything. */
export function optionText(words: string, pipelinePath: string): SourceText {
  return { path: pipelinePath, shown: `--set ${words}`, text: words, folder: dirname(pipelinePath) };
}

/** Relative to the working folder where the file lies below it. */
function shownPath(path: string): string {
  const way = relative(process.cwd(), path);
  return way.startsWith('..') || way === '' ? path : way.split(sep).join('/');
}

/** Line and column of a place; a span over several lines is cut at the end of its first one. */
export function locate({ source, start, end }: Place): Location {
  const { text } = source;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < lineStart; at = text.indexOf('\n', at + 1)) line++;
  const newline = text.indexOf('\n', start);
  const lineEnd = newline === -1 ? text.length : newline;
  const last = Math.max(start + 1, Math.min(end, lineEnd));
  return { file: source.shown, line, column: start - lineStart + 1, endColumn: last - lineStart + 1 };
}

/** Reads a file as UTF-8, strictly. Absent, unreadable and wrongly encoded are three different diagnostics. */
export function readSource(path: string, named?: Location): Result<SourceText, Diagnostic> {
  const shown = shownPath(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    return err(unreadable(shown, cause, named));
  }
  const wrong = encodingProblem(bytes);
  if (wrong)
    return err(
      problem('P004', `${shown} ${wrong.what}`, {
        location: wrong.at !== undefined ? placeOfByte(path, bytes, wrong.at) : named,
        help: 'save the file as UTF-8',
      }),
    );
  return ok(sourceText(resolve(path), new TextDecoder('utf-8').decode(bytes)));
}

function unreadable(shown: string, cause: unknown, named: Location | undefined): Diagnostic {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return problem('P002', `there is no file ${shown}`, {
      location: named,
      help: named ? undefined : '`pipe init` writes a pipeline for a folder of images',
    });
  }
  const why = code === 'EISDIR' ? 'it is a folder' : code === 'EACCES' ? 'permission denied' : String(code ?? cause);
  return problem('P003', `${shown} cannot be read: ${why}`, { location: named });
}

interface EncodingProblem {
  readonly what: string;
  /** Offset of the first byte that does not fit. */
  readonly at?: number;
}

function encodingProblem(bytes: Uint8Array): EncodingProblem | undefined {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (b === 0 && a !== 0 && bytes.length > 1))
    return { what: 'is UTF-16 (little-endian), not UTF-8' };
  if ((a === 0xfe && b === 0xff) || (a === 0 && b !== 0 && bytes.length > 1))
    return { what: 'is UTF-16 (big-endian), not UTF-8' };
  const nul = bytes.indexOf(0);
  if (nul !== -1) return { what: 'holds a NUL byte, so it is no text file', at: nul };
  if (isUtf8(bytes)) return undefined;
  const at = firstInvalid(bytes);
  const byte = (bytes[at] ?? 0).toString(16).padStart(2, '0').toUpperCase();
  return { what: `is not UTF-8: byte 0x${byte} looks like Latin-1 or Windows-1252`, at };
}

/** Offset of the first byte that breaks UTF-8, by halving: a prefix decodes (streaming) or does not. */
function firstInvalid(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decodes(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  const at = decodes(bytes.subarray(0, bad)) ? bad : good;
  // A sequence that breaks off is noticed at the byte after it: the byte that began it is the wrong one.
  if (isUtf8(bytes.subarray(0, at))) return at;
  let start = at - 1;
  while (start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  return start;
}

function decodes(prefix: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(prefix, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function placeOfByte(path: string, bytes: Uint8Array, at: number): Location {
  const before = Buffer.from(bytes.subarray(0, at)).toString('latin1');
  return locate({ source: sourceText(resolve(path), `${before}?`), start: before.length, end: before.length + 1 });
}
