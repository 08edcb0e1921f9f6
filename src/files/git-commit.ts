import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The commit that is checked out, read from git's own files: no git process for a run. */
export function commitOf(folder: string): string | undefined {
  const git = gitFolder(folder);
  if (git === undefined) return undefined;
  const head = readText(join(git, 'HEAD'));
  const reference = /^ref: (.+)$/m.exec(head)?.[1];
  if (reference === undefined) return hash(head);
  const common = resolve(git, readText(join(git, 'commondir')).trim() || '.');
  return (
    hash(readText(join(git, reference))) ??
    hash(readText(join(common, reference))) ??
    packed(readText(join(common, 'packed-refs')), reference)
  );
}

function gitFolder(folder: string): string | undefined {
  const path = join(folder, '.git');
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return path;
    const target = /^gitdir: (.+)$/m.exec(readText(path))?.[1];
    return target === undefined ? undefined : resolve(folder, target);
  }
  const parent = dirname(folder);
  return parent === folder ? undefined : gitFolder(parent);
}

function packed(text: string, reference: string): string | undefined {
  const line = text.split('\n').find((candidate) => candidate.endsWith(` ${reference}`));
  return line && hash(line);
}

function hash(text: string): string | undefined {
  return /^[0-9a-f]{40,64}/.exec(text)?.[0];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
