/** The process: arguments in, an exit code out. */
import { CommanderError } from 'commander';
import { printFailure } from './output.ts';
import { buildProgram } from './program.ts';

/** Runs the program. Never rejects: everything ends as an exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  quietWhenPipeCloses();
  process.on('unhandledRejection', (error) => {
    process.exitCode = printFailure(error, argv);
    process.exit();
  });
  try {
    await buildProgram((code) => {
      process.exitCode = code;
    }).parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = printFailure(error, argv);
  }
}

/** `pipe runs | head` ends quietly. */
function quietWhenPipeCloses(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

void main(process.argv.slice(2));
