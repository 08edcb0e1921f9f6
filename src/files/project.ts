/** Where things lie: the project's root, its cache and run records, and what all projects of a user share. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';

export interface Project {
  /**
   * The nearest folder above the pipeline file that holds `.pipe`, else `.git`, else `package.json`, else the file's own, or the one
   * above it where that is called `pipelines`: commands that take no file look from there.
   */
  readonly root: string;
  /** `<root>/.pipe/cache`, unless `--cache` or `PIPE_CACHE` moves it. */
  readonly cache: string;
  readonly runs: string;
  /** `$PIPE_HOME`, else `$XDG_CACHE_HOME/pipe`, else `~/.cache/pipe`: weights and installed engines. */
  readonly home: string;
}

/** Where pipeline files are looked for by their names. */
const PIPELINES = 'pipelines';

export type Environment = Readonly<Record<string, string | undefined>>;

export function locateProject(file: string, environment: Environment, cacheOption?: string): Project {
  const folder = dirname(resolve(file));
  const root =
    ['.pipe', '.git', 'package.json'].map((marker) => nearestHolding(folder, marker)).find(Boolean) ??
    (basename(folder) === PIPELINES ? dirname(folder) : folder);
  const moved = cacheOption ?? environment['PIPE_CACHE'];
  return {
    root,
    cache: moved ? resolve(moved) : join(root, '.pipe', 'cache'),
    runs: join(root, '.pipe', 'runs'),
    home: sharedHome(environment),
  };
}

export function sharedHome(environment: Environment): string {
  if (environment['PIPE_HOME']) return resolve(environment['PIPE_HOME']);
  if (environment['XDG_CACHE_HOME']) return join(environment['XDG_CACHE_HOME'], 'pipe');
  return join(environment['HOME'] ?? homedir(), '.cache', 'pipe');
}

function nearestHolding(folder: string, marker: string): string | undefined {
  if (existsSync(join(folder, marker))) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : nearestHolding(parent, marker);
}

/** FILE as given on the command line: a path, or the name of a file in `./pipelines`. Undefined when neither exists. */
export function findPipelineFile(given: string, workingFolder: string): string | undefined {
  const names = extname(given) ? [given] : [given, `${given}.yaml`, `${given}.yml`];
  const candidates = names.flatMap((name) => [resolve(workingFolder, name), resolve(workingFolder, PIPELINES, name)]);
  return candidates.find((path) => existsSync(path));
}

/** The path of a file inside the root, with `/` on every platform: how run records and locks name it. */
export function pathFromRoot(root: string, file: string): string {
  return relative(root, resolve(file)).split(sep).join('/');
}

/** The name of a pipeline where the file gives none, and of its folder below `results/`. */
export function pipelineNameOf(file: string): string {
  return basename(file, extname(file));
}

/** Whether `path` lies in `folder` (or is it). Lexical: symbolic links are the caller's concern. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (!way.startsWith('..') && !way.startsWith(sep) && resolve(folder, way) === resolve(path));
}
