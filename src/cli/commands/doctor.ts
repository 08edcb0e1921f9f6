import { accessSync, constants, existsSync, readdirSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { engineAdapters } from '../../engines/index.ts';
import { locateProject } from '../../files/project.ts';
import { showBytes } from '../../report/duration.ts';
import { cacheFolder, type GlobalOptions, paint, print, printJson } from '../output.ts';

interface Check {
  readonly name: string;
  readonly state: 'ok' | 'note' | 'bad';
  readonly detail: string;
}

export async function doctor(options: GlobalOptions): Promise<number> {
  const project = locateProject(`${process.cwd()}/x`, process.env, cacheFolder(options));
  const checks: Check[] = [
    {
      name: 'node',
      state: 'ok',
      detail: `${process.version} on ${process.platform}-${process.arch}, ${availableParallelism()} cores`,
    },
    writable('cache', project.cache),
    writable('shared folder', project.home),
    claims(join(project.cache, 'claims')),
    await sharpCheck(),
    ...(await Promise.all(
      engineAdapters.map(async ({ id, probe }): Promise<Check> => {
        const { usable, reason, version } = await probe();
        return {
          name: `engine ${id}`,
          state: usable ? 'ok' : 'note',
          detail: [version, reason].filter(Boolean).join(', '),
        };
      }),
    )),
  ];
  if (options.json) printJson({ checks });
  else
    for (const { name, state, detail } of checks)
      print(
        `  ${state === 'ok' ? paint('green', '✓') : state === 'note' ? paint('yellow', '!') : paint('red', '✗')} ${name.padEnd(22)} ${detail}\n`,
      );
  return checks.some(({ state }) => state === 'bad') ? 7 : 0;
}

/** The nearest folder that exists decides. */
function writable(name: string, folder: string): Check {
  let nearest = folder;
  while (!existsSync(nearest)) nearest = join(nearest, '..');
  try {
    accessSync(nearest, constants.W_OK);
  } catch {
    return { name, state: 'bad', detail: `${folder} cannot be written; use --cache or PIPE_CACHE, PIPE_HOME` };
  }
  const { bavail, bsize } = statfsSync(nearest);
  return { name, state: bavail * bsize < 1e9 ? 'note' : 'ok', detail: `${folder}, ${showBytes(bavail * bsize)} free` };
}

function claims(folder: string): Check {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return {
    name: 'claims',
    state: 'ok',
    detail:
      names.length === 0 ? 'none held' : `${names.length} held; those of dead processes are taken over by the next run`,
  };
}

async function sharpCheck(): Promise<Check> {
  try {
    const { default: sharp } = await import('sharp');
    return { name: 'sharp', state: 'ok', detail: `${sharp.versions.sharp ?? ''}, libvips ${sharp.versions.vips}` };
  } catch (error) {
    return {
      name: 'sharp',
      state: 'bad',
      detail: `cannot be loaded: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}; run npm ci again`,
    };
  }
}
