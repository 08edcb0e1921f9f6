/** CSV files of a data set: streamed, strict, every fault with its line. */
import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { unescapeFormula } from '../files/csv-cell.ts';
import { FirstProblems } from './first-problems.ts';

export interface CsvRow {
  readonly filename: string;
  readonly label: string | undefined;
  readonly line: number;
}

export interface CsvColumns {
  readonly filenameColumn: string | null;
  readonly labelColumn: string | null;
  readonly delimiter: string;
  /** Only the names are wanted, whatever else the file has. */
  readonly withoutLabels?: boolean;
}

const EMPTY_LABEL = 'the label is empty';

/** Bytes of one row at most: a line of a gigabyte ends here. */
const LONGEST_ROW = 1_000_000;

export async function readCsv(
  path: string,
  { filenameColumn, labelColumn, delimiter, withoutLabels = false }: CsvColumns,
  at: Location | undefined,
): Promise<Result<readonly CsvRow[], readonly Diagnostic[]>> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) {
    const missing = { location: at, help: 'relative paths start at the pipeline file' };
    return err([
      stat
        ? problem('D002', `${path} is not a file`, { location: at })
        : problem('D001', `no such file: ${path}`, missing),
    ]);
  }
  const { parse } = await import('csv-parse');
  const text = Readable.from(textOf(path));
  const parser = text.pipe(
    parse({
      bom: true,
      delimiter,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: LONGEST_ROW,
      record_delimiter: ['\r\n', '\n', '\r'],
      trim: false,
    }),
  );
  text.on('error', (error) => parser.destroy(error));
  const rows: CsvRow[] = [];
  let header: { readonly filename: number; readonly label: number | undefined; readonly width: number } | undefined;
  let next = 1;
  let twice = 0;
  const problems = new FirstProblems();
  try {
    for await (const { record, info } of parser) {
      const cells: readonly string[] = record;
      // Counted back from the row's end, since empty lines before it are no rows. The parser takes a CRLF inside quotes for two lines.
      const inside = lineEndsIn(cells);
      const line = Number(info.lines) - twice - inside.counted;
      twice += inside.twice;
      next = Number(info.lines) - twice + 1;
      const place = (column = 1): Location => ({ file: path, line, column });
      if (!header) {
        const found = headerOf(cells, { filenameColumn, labelColumn, delimiter }, place());
        if (!found.ok) return found;
        header = found.value;
      } else if (cells.length !== header.width) {
        problems.add(
          problem('D021', `expected ${header.width} cells, found ${cells.length}`, {
            location: place(),
            help: `quote a cell that holds the delimiter ${JSON.stringify(delimiter)}`,
          }),
        );
      } else {
        const filename = unescapeFormula(cells[header.filename] ?? '');
        const label =
          header.label === undefined || withoutLabels ? undefined : unescapeFormula(cells[header.label] ?? '');
        const wrong = nameProblem(filename) ?? (label?.trim() === '' ? EMPTY_LABEL : undefined);
        if (wrong)
          problems.add(
            problem(wrong === EMPTY_LABEL ? 'D022' : 'D023', wrong, {
              location: place(),
              help:
                wrong === EMPTY_LABEL
                  ? 'write the label, or leave the line out'
                  : 'write the name from the image folder on, with / between folders',
            }),
          );
        else rows.push({ filename, label, line });
      }
    }
  } catch (error) {
    return err([csvProblem(error, path, next, twice)]);
  }
  if (problems.count > 0) return err(problems.list());
  if (!header)
    return err([
      problem('D024', `${path} is empty`, {
        location: { file: path, line: 1, column: 1 },
        help: 'the first line names the columns, such as filename,label',
      }),
    ]);
  if (rows.length === 0)
    return err([problem('D024', `${path} has a header and no rows`, { location: { file: path, line: 1, column: 1 } })]);
  return ok(rows);
}

function headerOf(
  cells: readonly string[],
  columns: Omit<CsvColumns, 'withoutLabels'>,
  location: Location,
): Result<{ filename: number; label: number | undefined; width: number }, readonly Diagnostic[]> {
  const names = cells.map((cell) => cell.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    return err([
      problem('D025', `the column "${twice}" is there twice`, { location, help: `columns: ${names.join(', ')}` }),
    ]);
  const find = (wanted: string | null, usual: readonly string[]): number =>
    wanted === null ? names.findIndex((name) => usual.includes(name.toLowerCase())) : names.indexOf(wanted);
  const filename = find(columns.filenameColumn, ['filename', 'file', 'image', 'path']);
  const label = find(columns.labelColumn, ['label', 'class']);
  const missing =
    filename < 0
      ? (columns.filenameColumn ?? 'filename')
      : label < 0 && columns.labelColumn !== null
        ? columns.labelColumn
        : undefined;
  if (missing !== undefined) {
    return err([
      problem('D025', `there is no column "${missing}"`, {
        location,
        help: [didYouMean(missing, names), `columns: ${names.join(', ')}`, otherDelimiter(names, columns.delimiter)]
          .filter(Boolean)
          .join('; '),
      }),
    ]);
  }
  return ok({ filename, label: label < 0 ? undefined : label, width: cells.length });
}

/** A header that is one column and holds another usual delimiter. */
function otherDelimiter(names: readonly string[], delimiter: string): string {
  const [only = ''] = names;
  const other =
    names.length === 1 && [',', ';', '\t', '|'].find((usual) => usual !== delimiter && only.includes(usual));
  return other ? `set delimiter: ${JSON.stringify(other)}` : 'set filenameColumn or labelColumn';
}

const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** A name that would leave the image folder, or is none at all. Percent signs mean themselves. */
function nameProblem(name: string): string | undefined {
  if (name === '') return 'the file name is empty';
  if (name.includes('\0')) return 'the file name holds a NUL character';
  if (/^(\/|~|\\|[a-z]:|[a-z][a-z0-9+.-]*:)/i.test(name))
    return `the file name ${JSON.stringify(name)} is not relative to the image folder`;
  if (name.split(/[\\/]/).includes('..')) return `the file name ${JSON.stringify(name)} leaves the image folder`;
  if (name.split(/[\\/]/).some((part) => DEVICES.test(part)))
    return `the file name ${JSON.stringify(name)} is a device on some systems`;
  return undefined;
}

/** Line ends inside quoted cells as the parser counts them, and how many it counts twice. */
function lineEndsIn(cells: readonly string[]): { readonly counted: number; readonly twice: number } {
  const count = (pattern: RegExp) => cells.reduce((sum, cell) => sum + (cell.match(pattern)?.length ?? 0), 0);
  return { counted: count(/[\r\n]/g), twice: count(/\r\n/g) };
}

/** Bytes that are no UTF-8 text. */
class ForeignText extends Error {
  override readonly name = 'ForeignText';
  readonly line: number;

  constructor(what: string, line: number) {
    super(what);
    this.line = line;
  }
}

/** The text of a file, chunk by chunk. @throws ForeignText at the first byte that is not UTF-8, or NUL */
async function* textOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let line = 1;
  let first = true;
  for await (const chunk of createReadStream(path)) {
    if (!(chunk instanceof Uint8Array)) throw new Error('a stream of something else than bytes');
    if (first && ((chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff)))
      throw new ForeignText('is UTF-16, not UTF-8', 1);
    first = false;
    const nul = chunk.indexOf(0);
    if (nul >= 0)
      throw new ForeignText('holds a NUL byte: it is UTF-16, or no text', line + lineEnds(chunk.subarray(0, nul)));
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw new ForeignText('is Latin-1 or another 8-bit encoding, not UTF-8', line + lineEnds(validStart(chunk)));
    }
    line += lineEnds(chunk);
    yield text;
  }
  try {
    yield decoder.decode();
  } catch {
    throw new ForeignText('is Latin-1 or another 8-bit encoding, not UTF-8, or cut short', line);
  }
}

/** The lines of a chunk before its first bytes that are no UTF-8; its first byte may go on with a character of the one before. */
function validStart(chunk: Uint8Array): Uint8Array {
  const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(10, at) + 1 || text.length;
    try {
      if (at > 0) decoder.decode(text.subarray(at, end), { stream: end === text.length });
    } catch {
      return text.subarray(0, at);
    }
    at = end;
  }
  return text.subarray(0, 0);
}

/** Line feeds, or in a file without any carriage returns. */
function lineEnds(bytes: Uint8Array): number {
  const count = (byte: number) => {
    let found = 0;
    for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) found++;
    return found;
  };
  return count(10) || count(13);
}

function csvProblem(error: unknown, file: string, line: number, twice: number): Diagnostic {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof ForeignText) {
    const help = 'save it as UTF-8';
    return problem('D020', `${file} ${error.message}`, { location: { file, line: error.line, column: 1 }, help });
  }
  if (/^E[A-Z]+$/.test(code)) return problem('D003', `cannot read ${file}: ${code}`);
  // The parser counts to where it noticed; a cell that is never closed, or too long, is told where its row starts.
  const noticed =
    error instanceof Error && 'lines' in error && code.endsWith('ING_QUOTE') ? Number(error.lines) - twice : line;
  const location = { file, line: noticed, column: 1 };
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return problem('D026', 'a quoted cell that starts here is never closed', {
      location,
      help: 'close it with a quote mark',
    });
  if (code === 'CSV_MAX_RECORD_SIZE')
    return problem('D026', `a row is longer than ${LONGEST_ROW} bytes`, {
      location,
      help: 'is a quote mark missing, or is this no CSV file?',
    });
  return problem('D026', error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : String(error), {
    location,
  });
}
