/** A diagnostic for people: what, where with the source line and carets, and the way out. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { styleText } from 'node:util';
import type { Diagnostic, Location } from '../base/diagnostic.ts';
import { escapeForTerminal } from '../base/escape.ts';
import { widthOf } from './text-width.ts';

export interface FrameOptions {
  /** Whether escape codes for colours may be written; `NO_COLOR`, `FORCE_COLOR` and the stream decide by default. */
  readonly colors?: boolean;
  /** The text of a file, undefined where it cannot be had. Reads from the disk by default. */
  readonly textOf?: (file: string) => string | undefined;
}

/** The frame as lines joined by newlines, without one at the end. */
export function diagnosticFrame(diagnostic: Diagnostic, options: FrameOptions = {}): string {
  const paint = painter(options.colors ?? wantsColors());
  const tone: Style = diagnostic.severity === 'error' ? 'red' : 'yellow';
  const textOf = options.textOf ?? readText;
  const own = diagnostic.location ? [{ location: diagnostic.location, message: '' }] : [];
  const places: readonly MarkedPlace[] = [
    ...own.map((place): MarkedPlace => ({ ...place, mark: '^', tone })),
    ...(diagnostic.related ?? []).map((place): MarkedPlace => ({ ...place, mark: '-', tone: 'blue' })),
  ];
  const gutter = Math.max(1, ...places.map(({ location }) => String(location.line).length));
  const head = `${paint(['bold', tone], `${diagnostic.severity}[${diagnostic.code}]`)}${paint(['bold'], `: ${escapeForTerminal(diagnostic.message)}`)}`;
  const frames = places.flatMap(({ location, message, mark, tone: color }, i) => {
    const arrow = `${' '.repeat(gutter)}${paint(['blue'], i === 0 ? '-->' : ':::')} ${place(location)}`;
    const line = textOf(location.file)?.split(/\r\n|\r|\n/)[location.line - 1];
    if (line === undefined) return [message === '' ? arrow : `${arrow}: ${escapeForTerminal(message)}`];
    const bar = paint(['blue'], `${' '.repeat(gutter)} |`);
    const source = `${paint(['blue'], `${String(location.line).padStart(gutter)} |`)} `;
    const { before, marked, after } = cut(line, location);
    const carets = paint(
      [color],
      `${mark.repeat(Math.max(1, widthOf(marked)))}${message === '' ? '' : ` ${escapeForTerminal(message)}`}`,
    );
    return [arrow, bar, `${source}${before}${marked}${after}`, `${bar} ${' '.repeat(widthOf(before))}${carets}`];
  });
  const help =
    diagnostic.help === undefined
      ? []
      : [
          `${' '.repeat(gutter)} ${paint(['blue'], '=')} ${paint(['bold'], 'help')}: ${escapeForTerminal(diagnostic.help)}`,
        ];
  return [head, ...frames, ...help].join('\n');
}

function place({ file, line, column }: Location): string {
  // The words after `--set` have no lines.
  return escapeForTerminal(file.startsWith('--set ') ? file : `${file}:${line}:${column}`);
}

type Style = 'bold' | 'red' | 'yellow' | 'blue';
type Paint = (styles: readonly Style[], text: string) => string;

interface MarkedPlace {
  readonly location: Location;
  readonly message: string;
  readonly mark: string;
  readonly tone: Style;
}

function painter(colors: boolean): Paint {
  return (styles, text) => (colors ? styleText([...styles], text, { validateStream: false }) : text);
}

/** By `NO_COLOR`, `FORCE_COLOR`, and whether the errors go to a terminal. */
function wantsColors(): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: terminal } = process.env;
  if (no !== undefined && no !== '') return false;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return process.stderr.isTTY === true && terminal !== 'dumb';
}

function readText(file: string): string | undefined {
  if (file.startsWith('--set ')) return file.slice('--set '.length);
  try {
    return new TextDecoder().decode(readFileSync(resolve(file)));
  } catch {
    return undefined;
  }
}

/** What is shown of a line on either side of the mark. */
const MOST_AROUND = 60;

/** The marked part of a line and its surroundings, made safe, long ones cut; a tab counts as one blank. */
function cut(
  line: string,
  { column, endColumn }: Location,
): { readonly before: string; readonly marked: string; readonly after: string } {
  const start = Math.min(column - 1, line.length);
  const end = Math.max(start, Math.min((endColumn ?? column + 1) - 1, line.length));
  const safe = (text: string) => escapeForTerminal(text.replaceAll('\t', ' '));
  const [before, marked, after] = [safe(line.slice(0, start)), safe(line.slice(start, end)), safe(line.slice(end))];
  return {
    before: before.length > MOST_AROUND ? `…${before.slice(-MOST_AROUND)}` : before,
    marked: marked.length > 2 * MOST_AROUND ? `${marked.slice(0, 2 * MOST_AROUND)}…` : marked,
    after: after.length > MOST_AROUND ? `${after.slice(0, MOST_AROUND)}…` : after,
  };
}
