import { problem } from '../../base/diagnostic.ts';
import { diagnosticFrame } from '../../report/diagnostic-frame.ts';
import { flatDiagnostic } from '../../report/json-lines.ts';
import { deltaOf, lockDiffLines, lockDiffMarkdown } from '../../report/lock-diff.ts';
import { diffLocks } from '../../runs/lock-history.ts';
import { exitOf, failWith, type GlobalOptions, paint, print, printError, printJson } from '../output.ts';

/** Settings and metrics between commits: HEAD and the work tree, a revision and the work tree, or two revisions. */
export async function diff(revisions: readonly string[], options: GlobalOptions): Promise<number> {
  const [from = 'HEAD', to] = revisions.length === 1 ? (revisions[0] ?? '').split(/\.{2,3}/) : revisions;
  if (revisions.length > 2)
    return failWith([problem('U001', 'diff takes at most two revisions', { help: 'pipe diff main HEAD' })], options);
  const found = await diffLocks(process.cwd(), from || 'HEAD', to === '' ? 'HEAD' : to);
  if (!found.ok) return failWith([found.error], options);
  const { problems, pipelines, ...names } = found.value;
  if (options.json) {
    printJson({
      format: 1,
      ...names,
      pipelines: pipelines.map(({ differences, ...rest }) => ({
        ...rest,
        differences: differences.map((difference) => ({
          ...difference,
          ...(difference.aspect === 'metric' && { delta: deltaOf(difference)?.by ?? null }),
        })),
      })),
      diagnostics: problems.map(flatDiagnostic),
    });
    return exitOf(problems);
  }
  if (options['markdown']) print(lockDiffMarkdown(found.value));
  else if (pipelines.length > 0 || problems.length === 0)
    for (const line of lockDiffLines(found.value, paint)) print(`${line}\n`);
  for (const diagnostic of problems) printError(`${diagnosticFrame(diagnostic)}\n`);
  return exitOf(problems);
}
