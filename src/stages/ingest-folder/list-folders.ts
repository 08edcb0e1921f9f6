/** The images below class folders, in the order of their names. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { extname, join, posix } from 'node:path';
import { type Diagnostic, type Location, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { FirstProblems } from '../../data/first-problems.ts';
import type { ListedImage, Listing } from '../../data/image-listing.ts';
import { SPLITS, type Split } from '../../data/row-table.ts';
import { isInside } from '../../files/project.ts';
import type { ResolveContext } from '../stage-kind.ts';
import { ENDINGS } from './defaults.ts';

export async function listFolders(
  folders: Readonly<Partial<Record<Split, string>>>,
  exclude: readonly string[],
  context: ResolveContext,
): Promise<Result<Listing, readonly Diagnostic[]>> {
  const images: ListedImage[] = [];
  const sources = new Set<string>();
  const problems = new FirstProblems();
  for (const split of SPLITS) {
    const folder = folders[split];
    if (folder === undefined) continue;
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      problems.add(
        problem('D001', `no such folder: ${folder}`, {
          location: context.at(split),
          help: 'relative paths start at the pipeline file',
        }),
      );
      continue;
    }
    const found = await namesBelow(folder, exclude);
    const names = found.images;
    // Also folders without images yet: one that comes later changes only its own folder.
    for (const name of found.folders) sources.add(join(folder, name));
    for (const name of found.deadLinks) problems.add(deadLink(join(folder, name), context.at(split)));
    const real = realpathSync(folder);
    const flat = split === 'test' && names.every((name) => !name.includes('/'));
    for (const name of names) {
      const path = join(folder, name);
      if (!isImageName(name)) {
        problems.add(
          problem('D030', `${path} is no image`, {
            location: context.at(split),
            help: `leave it out: exclude: ['${extname(name) ? `*${extname(name)}` : posix.basename(name)}']`,
          }),
        );
      } else if (!flat && !name.includes('/')) {
        problems.add(
          problem('D030', `${path} lies beside the class folders, not in one`, {
            location: context.at(split),
            help: 'move it into the folder of its class, or leave it out with `exclude`',
          }),
        );
      } else if (found.linked.has(name) && !isInside(real, realpathSync(path))) {
        problems.add(
          problem('D014', `${path} is a link that leaves the image folder`, {
            location: context.at(split),
            help: 'copy the file into the folder, or leave it out with `exclude`',
          }),
        );
      } else images.push({ split, name, path, label: flat ? undefined : name.split('/')[0] });
    }
    if (names.length === 0)
      problems.add(
        problem('D030', `${folder} has no images`, {
          location: context.at(split),
          help: 'one folder a class is expected in it',
        }),
      );
  }
  return problems.count > 0 ? err(problems.list()) : ok({ images, sources: [...sources].sort(), warnings: [] });
}

interface FoundNames {
  /** Files, sorted, with `/` between folders. */
  readonly images: readonly string[];
  /** Those of `images` that are reached through a symbolic link. */
  readonly linked: ReadonlySet<string>;
  readonly deadLinks: readonly string[];
  /** The folder itself and all below it. */
  readonly folders: readonly string[];
}

async function namesBelow(folder: string, exclude: readonly string[]): Promise<FoundNames> {
  const { glob } = await import('tinyglobby');
  const ignore = exclude.map((pattern) => (pattern.includes('/') ? pattern : `**/${pattern}`));
  const find = (links: boolean, folders = false) =>
    glob('**/*', { cwd: folder, ignore, followSymbolicLinks: links, onlyDirectories: folders, dot: false });
  const [all, plain, below] = await Promise.all([find(true), find(false), find(false, true)]);
  const unlinked = new Set(plain);
  const linked = new Set(all.filter((name) => !unlinked.has(name)));
  const folders = ['.', ...below, ...[...linked].map((name) => posix.dirname(name))];
  return {
    images: all.sort(),
    linked,
    deadLinks: below.concat('.').flatMap((name) => deadLinksIn(folder, name)),
    folders,
  };
}

/** Links to nothing whose names are those of images: a glob passes over them. */
function deadLinksIn(folder: string, below: string): readonly string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink() && isImageName(entry.name))
    .map(({ name }) => posix.join(below, name))
    .filter((name) => !existsSync(join(folder, name)));
}

function deadLink(path: string, location: Location | undefined): Diagnostic {
  return problem('D014', `${path} is a link to a file that does not exist`, {
    location,
    help: 'bring the file back or remove the link',
  });
}

function isImageName(name: string): boolean {
  return ENDINGS.some((ending) => ending === extname(name).toLowerCase());
}
