import { codes } from '../../base/codes/index.ts';
import { problem } from '../../base/diagnostic.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import { failWith, type GlobalOptions, print, printJson } from '../output.ts';

export async function explain(given: string, options: GlobalOptions): Promise<number> {
  const found = Object.entries(codes).find(([code]) => code === given.toUpperCase());
  if (!found)
    return failWith(
      [
        problem('U001', `there is no error code ${given}`, {
          help: didYouMean(given.toUpperCase(), Object.keys(codes)) ?? 'docs/errors.md lists all',
        }),
      ],
      options,
    );
  const [code, row] = found;
  if (options.json) printJson({ code, ...row });
  else print(`${code}: ${row.title} (exit code ${row.exit})\n\n${row.explanation}\n`);
  return 0;
}
