/** What a `sweep:` block names must be there. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { FORBIDDEN_KEYS, type Located, memberOf, scalarsOf } from './located.ts';
import { locate } from './source-text.ts';
import type { WrittenStage } from './written-stage.ts';

/** Paths under `over` and the goal's metric start with something that is there. */
export function sweepProblems(
  sweep: Located | undefined,
  stages: readonly WrittenStage[],
  vars: Located | undefined,
): readonly Diagnostic[] {
  const names = stages.map(({ name }) => name);
  const variables = vars?.type === 'map' ? [...vars.members.keys()].map((name) => `vars.${name}`) : [];
  const known = [...names, ...variables, 'seed'];
  const over = memberOf(sweep, 'over');
  const problems: Diagnostic[] = [];
  for (const [path, { key }] of over?.type === 'map' ? over.members : []) {
    const [first = '', ...rest] = path.split('.');
    const unsafe = rest.find((part) => part === '' || FORBIDDEN_KEYS.has(part));
    const found = first === 'vars' ? variables.includes(`vars.${rest[0]}`) : path === 'seed' || names.includes(first);
    if (unsafe !== undefined || !found) {
      const help =
        didYouMean(first === 'vars' ? path : first, known) ??
        `a path is STAGE.SETTING, vars.NAME or seed; stages: ${names.join(', ')}`;
      problems.push(
        problem('P034', `sweep.over: "${path}" is no setting of this pipeline`, { location: locate(key), help }),
      );
    }
  }
  const goal = memberOf(sweep, 'goal');
  for (const { scalar } of goal ? scalarsOf(goal) : []) {
    const stage = /^[^.@]*/.exec(String(scalar.value))?.[0] ?? '';
    if (!names.includes(stage))
      problems.push(
        problem('P034', `sweep.goal: there is no stage "${stage}"`, {
          location: locate(scalar.place),
          help: didYouMean(stage, names) ?? `stages: ${names.join(', ')}`,
        }),
      );
  }
  return problems;
}
