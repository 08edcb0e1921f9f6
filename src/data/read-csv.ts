/** CSV files of a data set: streamed, strict, every fault with its line. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { unescapeFormula } from '../files/csv-cell.ts';

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

/** Bytes of one field at most: a line of a gigabyte ends here. */
const LONGEST_FIELD = 1_000_000;

export async function readCsv(
  path: string,
  { filenameColumn, labelColumn, delimiter, withoutLabels = false }: CsvColumns,
  at: Location | undefined,
): Promise<Result<readonly CsvRow[], readonly Diagnostic[]>> {
  const encoding = foreignEncoding(path);
  if (encoding === 'missing')
    return err([
      problem('D001', `no such file: ${path}`, { location: at, help: 'relative paths start at the pipeline file' }),
    ]);
  if (encoding)
    return err([
      problem('D020', `${path} is ${encoding}, not UTF-8`, {
        location: { file: path, line: 1, column: 1 },
        help: 'save it as UTF-8',
      }),
    ]);
  const { parse } = await import('csv-parse');
  const parser = createReadStream(path).pipe(
    parse({
      bom: true,
      delimiter,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: LONGEST_FIELD,
      record_delimiter: ['\r\n', '\n', '\r'],
      trim: false,
    }),
  );
  const rows: CsvRow[] = [];
  let header: { readonly filename: number; readonly label: number | undefined; readonly width: number } | undefined;
  let line = 1;
  const problems: Diagnostic[] = [];
  try {
    for await (const { record, info } of parser) {
      const cells: readonly string[] = record;
      const place = (column = 1): Location => ({ file: path, line, column });
      if (!header) {
        const found = headerOf(cells, { filenameColumn, labelColumn }, place());
        if (!found.ok) return found;
        header = found.value;
      } else if (cells.length !== header.width) {
        problems.push(
          problem('D021', `expected ${header.width} cells, found ${cells.length}`, {
            location: place(),
            help: 'quote a cell that holds the delimiter',
          }),
        );
      } else {
        const filename = unescapeFormula(cells[header.filename] ?? '');
        const label =
          header.label === undefined || withoutLabels ? undefined : unescapeFormula(cells[header.label] ?? '');
        const wrong = nameProblem(filename) ?? (label === '' ? 'the label is empty' : undefined);
        if (wrong)
          problems.push(problem(wrong === 'the label is empty' ? 'D022' : 'D023', wrong, { location: place() }));
        else rows.push({ filename, label, line });
      }
      line = Number(info.lines) + 1;
    }
  } catch (error) {
    return err([csvProblem(error, path, line)]);
  }
  if (problems.length > 0) return err(problems.slice(0, 20));
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
  columns: Pick<CsvColumns, 'filenameColumn' | 'labelColumn'>,
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
        help: [didYouMean(missing, names), `columns: ${names.join(', ')}`, 'set filenameColumn or labelColumn']
          .filter(Boolean)
          .join('; '),
      }),
    ]);
  }
  return ok({ filename, label: label < 0 ? undefined : label, width: cells.length });
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

/** Looks at the first bytes: what is not UTF-8, or `missing`. */
function foreignEncoding(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return 'missing';
  }
  try {
    const start = Buffer.alloc(1 << 16);
    const bytes = start.subarray(0, readSync(file, start));
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return 'UTF-16';
    if (bytes.includes(0)) return 'binary or UTF-16 (it holds NUL bytes)';
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return undefined;
  } catch {
    return 'Latin-1 or another 8-bit encoding';
  } finally {
    closeSync(file);
  }
}

function csvProblem(error: unknown, file: string, line: number): Diagnostic {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const location = { file, line, column: 1 };
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return problem('D026', 'a quoted cell that starts here is never closed', {
      location,
      help: 'close it with a quote mark',
    });
  if (code === 'CSV_MAX_RECORD_SIZE')
    return problem('D026', `a row is longer than ${LONGEST_FIELD} bytes`, {
      location,
      help: 'is a quote mark missing, or is this no CSV file?',
    });
  return problem('D026', error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : String(error), {
    location,
  });
}
