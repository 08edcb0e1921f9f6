/** The images that CSV files name: every one is looked for before anything is computed. */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { type Diagnostic, type Location, problem, warning } from '../../base/diagnostic.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { FirstProblems, MOST_SHOWN } from '../../data/first-problems.ts';
import type { ListedImage, Listing } from '../../data/image-listing.ts';
import { type CsvRow, readCsv } from '../../data/read-csv.ts';
import { SPLITS } from '../../data/row-table.ts';
import { isInside } from '../../files/project.ts';
import type { ResolveContext } from '../stage-kind.ts';
import type { IngestCsvParams } from './index.ts';

export async function listCsv(
  parts: IngestCsvParams,
  context: ResolveContext,
): Promise<Result<Listing, readonly Diagnostic[]>> {
  const images: ListedImage[] = [];
  const problems = new FirstProblems();
  const copies = new FirstProblems();
  for (const split of SPLITS) {
    const part = parts[split];
    if (!part) continue;
    const rows = await readCsv(part.csv, part, context.at(`${split}/csv`));
    if (!rows.ok) return rows;
    const folder = folderOf(part.images, context.at(`${split}/images`));
    if (!folder.ok) return err([folder.error]);
    const seen = new Map<string, CsvRow>();
    for (const row of rows.value) {
      const { filename, label, line } = row;
      const at = { file: part.csv, line, column: 1 };
      const path = join(part.images, filename);
      const earlier = seen.get(filename);
      if (earlier) {
        const again = listedTwice(earlier, row, at);
        if (again.severity === 'error') problems.add(again);
        else copies.add(again);
        continue;
      }
      seen.set(filename, row);
      const wrong = lookFor(path, filename, folder.value, at, problems.count < MOST_SHOWN);
      if (wrong) problems.add(wrong);
      else if (problems.count === 0) images.push({ split, name: filename, path, label, at });
    }
  }
  if (problems.count > 0) return err(problems.list());
  return ok({ images, sources: SPLITS.flatMap((split) => parts[split]?.csv ?? []), warnings: copies.list() });
}

/** A line that says once more what another one said, or the contrary. */
function listedTwice(earlier: CsvRow, again: CsvRow, at: Location): Diagnostic {
  const related = [{ message: 'first here', location: { ...at, line: earlier.line } }];
  if (earlier.label === again.label)
    return warning('D027', `${again.filename} is listed twice; the second line is left out`, { location: at, related });
  return problem('D027', `${again.filename} is listed twice, as "${earlier.label}" and as "${again.label}"`, {
    location: at,
    related,
    help: 'remove one of the lines',
  });
}

function folderOf(path: string, location: Location | undefined): Result<string, Diagnostic> {
  try {
    return ok(realpathSync(path));
  } catch {
    return err(
      problem('D001', `no such folder: ${path}`, { location, help: 'relative paths start at the pipeline file' }),
    );
  }
}

function lookFor(
  path: string,
  name: string,
  folder: string,
  location: Location,
  suggests: boolean,
): Diagnostic | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat)
    return problem('D013', `the image ${name} is missing`, {
      location,
      help:
        (suggests &&
          didYouMean(
            name,
            neighbours(path).map((other) => posix.join(dirname(name), other)),
          )) ||
        `looked for ${path}`,
    });
  if (!stat.isFile()) return problem('D002', `${name} is not a file`, { location });
  // A symbolic link may not lead out of the folder, wherever it points inside it.
  return isInside(folder, realpathSync(path))
    ? undefined
    : problem('D014', `${name} is a link that leaves the image folder`, {
        location,
        help: 'copy the file into the folder',
      });
}

const listed = new Map<string, readonly string[]>();

/** Names in the folder of a missing image, for a suggestion; at most a thousand are considered. */
function neighbours(path: string): readonly string[] {
  const folder = dirname(path);
  let names = listed.get(folder);
  if (!names) {
    try {
      names = readdirSync(folder).slice(0, 1000);
    } catch {
      names = [];
    }
    listed.set(folder, names);
  }
  return names;
}
