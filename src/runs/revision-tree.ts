/**
 * A revision checked out for a while, in a folder that mirrors where the repository lies: a path that leads out of the repository
 * leads to the same place of the mirror, where what git does not have can be linked in.
 */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, parse, relative, resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.ts';
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import { isInside } from '../files/project.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { git, gitProblem, type Repository } from './git.ts';

export class RevisionTree {
  readonly #repository: Repository;
  /** Stands for the root of the file system. */
  readonly #base: string;

  private constructor(repository: Repository, base: string) {
    this.#repository = repository;
    this.#base = base;
  }

  static async checkOut(repository: Repository, commit: string): Promise<Result<RevisionTree, Diagnostic>> {
    const tree = new RevisionTree(repository, realpathSync(mkdtempSync(join(tmpdir(), 'pipe-reproduce-'))));
    const folder = tree.mirrored(repository.top);
    mkdirSync(dirname(folder), { recursive: true });
    const added = await git(repository.top, ['worktree', 'add', '--quiet', '--detach', folder, commit]);
    if (added.ok) return ok(tree);
    await tree.remove();
    return err(gitProblem(added.error));
  }

  /** Where a path of the machine lies in the mirror. */
  mirrored(path: string): string {
    return join(this.#base, relative(parse(path).root, path));
  }

  /** The path of the machine behind one in the mirror; undefined outside of it. */
  original(path: string): string | undefined {
    return isInside(this.#base, path) ? join(parse(this.#repository.top).root, relative(this.#base, path)) : undefined;
  }

  /** A text with the mirror's paths as the machine's. */
  plain(text: string): string {
    return text.replaceAll(this.#base, '');
  }

  /** Makes the mirror's project begin where the machine's does, and its own stage kinds find their packages. */
  markRoot(root: string): void {
    mkdirSync(join(this.mirrored(root), '.pipe'), { recursive: true });
    for (const folder of new Set([root, this.#repository.top])) this.#borrow(join(folder, 'node_modules'));
  }

  /**
   * Links in the inputs of a pipeline that are not in the commit but on this machine, under the same path. @returns those paths;
   * and the ones that are nowhere.
   */
  borrowInputs(
    config: PipelineConfig,
    kinds: ReadonlyMap<string, StageKind>,
  ): { readonly borrowed: readonly string[]; readonly gone: readonly string[] } {
    const borrowed = new Set<string>();
    const gone = new Set<string>();
    for (const stage of config.stages) {
      const kind = kinds.get(stage.kind);
      if (!kind?.resolve) continue;
      const skipped = new Set([...(kind.outputParams ?? []), 'outputs', 'command']);
      for (const { keys, text } of textsIn(stage.with)) {
        if (skipped.has(keys[0] ?? '') || text === '' || text.includes('\0')) continue;
        const wanted = resolve(stage.baseDirectory(keys.map(escapeKey).join('/')), text);
        const path = this.original(wanted);
        if (path === undefined || existsSync(wanted)) continue;
        if (this.#borrow(path)) borrowed.add(path);
        else if (/[\\/]/.test(text)) gone.add(path);
      }
    }
    return { borrowed: [...borrowed], gone: [...gone] };
  }

  /** Links a path of the machine into the mirror where it is not there. */
  #borrow(path: string): boolean {
    const place = this.mirrored(path);
    if (!existsSync(path) || existsSync(place)) return false;
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(path, place, 'junction');
    return true;
  }

  /** Forgets the checkout; what was linked in stays where it is. */
  async remove(): Promise<void> {
    await git(this.#repository.top, ['worktree', 'remove', '--force', '--force', this.mirrored(this.#repository.top)]);
    rmSync(this.#base, { recursive: true, force: true });
  }
}

function escapeKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function textsIn(
  value: Json,
  keys: readonly string[] = [],
): readonly { readonly keys: readonly string[]; readonly text: string }[] {
  if (typeof value === 'string') return [{ keys, text: value }];
  const members = isJsonObject(value) ? Object.entries(value) : isJsonArray(value) ? [...value.entries()] : [];
  return members.flatMap(([key, item]) => textsIn(item, [...keys, String(key)]));
}
