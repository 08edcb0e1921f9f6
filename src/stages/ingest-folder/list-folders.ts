/** The images below class folders, in the order of their names. */
import { statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { firstOf, type ListedImage, type Listing } from '../../data/image-listing.ts';
import { SPLITS, type Split } from '../../data/row-table.ts';
import type { ResolveContext } from '../stage-kind.ts';
import { ENDINGS } from './defaults.ts';

export async function listFolders(
  folders: Readonly<Partial<Record<Split, string>>>,
  exclude: readonly string[],
  context: ResolveContext,
): Promise<Result<Listing, readonly Diagnostic[]>> {
  const { glob } = await import('tinyglobby');
  const images: ListedImage[] = [];
  const sources = new Set<string>();
  const problems: Diagnostic[] = [];
  for (const split of SPLITS) {
    const folder = folders[split];
    if (folder === undefined) continue;
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      problems.push(
        problem('D001', `no such folder: ${folder}`, {
          location: context.at(split),
          help: 'relative paths start at the pipeline file',
        }),
      );
      continue;
    }
    const names = (
      await glob('**/*', {
        cwd: folder,
        ignore: exclude.map((pattern) => (pattern.includes('/') ? pattern : `**/${pattern}`)),
        followSymbolicLinks: false,
        dot: false,
      })
    ).sort();
    sources.add(folder);
    for (const name of names) sources.add(join(folder, dirname(name)));
    const flat = split === 'test' && names.every((name) => !name.includes('/'));
    for (const name of names) {
      const path = join(folder, name);
      if (!ENDINGS.some((ending) => ending === extname(name).toLowerCase())) {
        problems.push(
          problem('D030', `${path} is no image`, {
            location: context.at(split),
            help: `leave it out: exclude: ['*${extname(name)}']`,
          }),
        );
      } else if (!flat && !name.includes('/')) {
        problems.push(
          problem('D030', `${path} lies beside the class folders, not in one`, {
            location: context.at(split),
            help: 'move it into the folder of its class, or leave it out with `exclude`',
          }),
        );
      } else images.push({ split, name, path, label: flat ? undefined : name.split('/')[0] });
    }
    if (names.length === 0)
      problems.push(
        problem('D030', `${folder} has no images`, {
          location: context.at(split),
          help: 'one folder a class is expected in it',
        }),
      );
  }
  return problems.length > 0 ? err(firstOf(problems)) : ok({ images, sources: [...sources].sort(), warnings: [] });
}
