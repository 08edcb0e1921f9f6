/** Real git repositories for tests. */
import { execFileSync } from 'node:child_process';

/** A repository of its own identity, untouched by the user's settings. */
export function gitIn(folder: string): (...args: readonly string[]) => string {
  const environment = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'init.defaultBranch=main'];
  return (...args) =>
    execFileSync('git', [...identity, ...args], { cwd: folder, env: environment, encoding: 'utf8', stdio: 'pipe' });
}
