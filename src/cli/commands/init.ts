import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { problem } from '../../base/diagnostic.ts';
import { proposePipeline } from '../../config/init/propose-pipeline.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { failWith, type GlobalOptions, print, printJson } from '../output.ts';

/** Writes `pipeline.yaml` for the data that lies in a folder; never over an existing file. */
export async function init(folder: string, options: GlobalOptions): Promise<number> {
  const file = join(resolve(folder), 'pipeline.yaml');
  if (existsSync(file))
    return failWith([problem('U006', `${file} is there already`, { help: 'move it away, or edit it' })], options);
  const data = resolve(typeof options['data'] === 'string' ? options['data'] : folder);
  const proposal = proposePipeline(data, { file });
  if (!proposal.ok) return failWith([proposal.error], options);
  mkdirSync(resolve(folder), { recursive: true });
  writeFileAtomically(file, proposal.value.text);
  ignore(resolve(folder));
  if (options.json) printJson({ file, found: proposal.value.found, next: proposal.value.next });
  else print(`  ${proposal.value.found}\n  wrote ${file}\n  next: ${proposal.value.next}\n`);
  return 0;
}

/** The cache and the results are not for git. */
function ignore(folder: string): void {
  const path = join(folder, '.gitignore');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const missing = ['.pipe/', 'results/'].filter((line) => !text.split('\n').includes(line));
  if (missing.length > 0)
    appendFileSync(path, `${text === '' || text.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`);
}
