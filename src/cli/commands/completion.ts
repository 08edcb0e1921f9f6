import type { Command } from 'commander';
import { problem } from '../../base/diagnostic.ts';
import { failWith } from '../output.ts';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** Prints the script that makes a shell ask us for completions. */
export async function completion(shell: string, program: Command): Promise<number> {
  const known = SHELLS.find((name) => name === shell);
  if (!known)
    return failWith([problem('U001', `no completion for ${shell}`, { help: `shells: ${SHELLS.join(', ')}` })], {});
  const { default: tab } = await import('@bomb.sh/tab/commander');
  tab(program).setup('pipe', 'pipe', known);
  return 0;
}
