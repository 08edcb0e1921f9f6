/** `{inputs.NAME}`, `{outputs.NAME}`, `{from.PORT}` and `{seed}` in the arguments of a command. Other braces stay as they are. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ResolveContext } from '../stage-kind.ts';

const PLACEHOLDER = /\{(?:(inputs|outputs|from)\.([^{}]+)|seed)\}/g;

/** What each placeholder stands for. */
export interface Meanings {
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  readonly from: Readonly<Record<string, string>>;
  readonly seed: string;
}

/** The arguments with every placeholder filled in, or one diagnostic for each that stands for nothing. */
export function fillPlaceholders(
  command: readonly string[],
  meanings: Meanings,
  at: ResolveContext['at'],
): Result<readonly string[], readonly Diagnostic[]> {
  const unknown: Diagnostic[] = [];
  const filled = command.map((argument, i) =>
    argument.replace(PLACEHOLDER, (text, group: string | undefined, name: string) => {
      const known =
        group === 'inputs'
          ? meanings.inputs
          : group === 'outputs'
            ? meanings.outputs
            : group === 'from'
              ? meanings.from
              : undefined;
      if (!known) return meanings.seed;
      if (Object.hasOwn(known, name)) return known[name] ?? '';
      const help =
        didYouMean(name, Object.keys(known)) ?? `\`${group}\` has ${Object.keys(known).join(', ') || 'no names'}`;
      unknown.push(problem('S033', `command: ${text} stands for nothing`, { location: at(`command/${i}`), help }));
      return text;
    }),
  );
  return unknown.length > 0 ? err(unknown) : ok(filled);
}
