/** Where the native packages of TensorFlow.js lie, and why one cannot be loaded. */
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Environment } from '../../files/project.ts';
import { installedFolder, packageVersion } from '../installed.ts';

export type EagerId = 'tfjs-node' | 'tfjs-node-gpu';

export interface Binding {
  /** The package's folder. */
  readonly folder: string;
  readonly version: string;
  readonly installedBy: 'pipe' | 'npm';
}

/** The one that `pipe engines install` made, else the project's own, else one beside pipe. */
export function findBinding(id: EagerId, environment: Environment = process.env): Binding | undefined {
  const name = `@tensorflow/${id}`;
  const own = join(installedFolder(id, environment), 'node_modules', name);
  const candidates = [
    { folder: own, installedBy: 'pipe' as const },
    ...[join(process.cwd(), 'x.js'), import.meta.url].flatMap((from) => {
      try {
        return [{ folder: dirname(createRequire(from).resolve(`${name}/package.json`)), installedBy: 'npm' as const }];
      } catch {
        return [];
      }
    }),
  ];
  for (const { folder, installedBy } of candidates) {
    const version = packageVersion(folder);
    if (version !== undefined) return { folder, version, installedBy };
  }
  return undefined;
}

/** Changes with every build of a binding. */
export function bindingStamp({ folder, version }: Binding): string {
  const native = [8, 7, 6, 5, 4, 3].map((napi) => join(folder, 'lib', `napi-v${napi}`, 'tfjs_binding.node'));
  const built = native.find((path) => existsSync(path));
  return [version, folder, built ? statSync(built).mtimeMs : 'unbuilt'].join(' ');
}

/** What a failed loading means. @param message the error's, or how the process ended */
export function loadProblem(id: EagerId, { folder, installedBy }: Binding, message: string): Diagnostic {
  const rebuild =
    installedBy === 'pipe'
      ? `run \`pipe engines install ${id} --force\`, which builds it for this machine`
      : `run \`pipe engines install ${id}\`, which builds one for this machine`;
  const short = message.split('\n')[0]?.slice(0, 300) ?? '';
  const refused = (reason: string, help = rebuild) => problem('E006', `${reason} (${folder})`, { help });
  if (/native addon module.*can not be found|Cannot find module.*\.node/.test(message))
    return refused(`the native part of ${id} was never built or downloaded`);
  if (/NODE_MODULE_VERSION|compiled against a different Node/.test(message))
    return refused(`the binding of ${id} was built for another Node than ${process.version}`);
  if (/isNullOrUndefined|isArray\) is not a function|isArray is not a function/.test(message))
    return refused(
      `${id} uses functions that Node took out in version 23, and this is ${process.version}`,
      'use Node 20 or 22 with this engine, or another engine',
    );
  if (
    /cannot open shared object file|undefined symbol|invalid ELF|wrong ELF|GLIBC|GLIBCXX|file too short|image not found|specified module could not be found|did not self-register/i.test(
      message,
    )
  )
    return refused(`the binding of ${id} was built for another library or system: ${short}`);
  if (/ended by SIG|ended with code/.test(message))
    return problem('E006', `${id} breaks down when it is loaded: ${short} (${folder})`, { help: rebuild });
  return refused(`${id} cannot be loaded: ${short}`);
}
