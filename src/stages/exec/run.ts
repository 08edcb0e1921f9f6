import { mkdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { OutputFile } from '../artifacts.ts';
import type { RunContext, StageBody, StageFailure } from '../stage-kind.ts';
import { writeArtifactFiles } from './artifact-files.ts';
import { execPorts } from './defaults.ts';
import type { ExecParams } from './index.ts';
import { fillPlaceholders } from './placeholders.ts';
import { type CommandEnd, runCommand } from './run-command.ts';

export const body: StageBody<ExecParams> = {
  async run(params, context) {
    const folder = join(context.checkpoints, 'work');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const from = await writeInputs(join(context.checkpoints, 'from'), context);
    if (!from.ok) return from;
    const outputs = mapValues(params.outputs, (path) => join(folder, path));
    for (const path of Object.values(outputs)) mkdirSync(dirname(path), { recursive: true });
    const inputs = mapValues(params.inputs, (path, name) => resolve(context.baseDirectory(`inputs/${name}`), path));
    const command = fillPlaceholders(
      params.command,
      { inputs, outputs, from: from.value, seed: String(context.seed) },
      context.at,
    );
    if (!command.ok) return err({ reason: 'diagnostics', diagnostics: command.error });
    const ended = await runCommand(command.value, {
      folder,
      environment: { PIPE_SEED: String(context.seed) },
      timeoutMs: params.timeoutSeconds * 1000,
      signal: context.signal,
      onLine: (line) => context.progress(0, 1, line),
    });
    if (ended.end === 'aborted') return err({ reason: 'interrupted' });
    const fault = commandFault(ended, command.value, params, context);
    if (fault) return err({ reason: 'diagnostics', diagnostics: [fault] });
    return collectOutputs(params, folder, context);
  },
};

/** Each port's artifact as a folder of files. */
async function writeInputs(
  folder: string,
  context: RunContext,
): Promise<Result<Readonly<Record<string, string>>, StageFailure>> {
  const folders: Record<string, string> = {};
  for (const port of execPorts) {
    if (!context.has(port)) continue;
    const path = join(folder, port);
    rmSync(path, { recursive: true, force: true });
    const written = await writeArtifactFiles(port, path, context);
    if (!written.ok) return written;
    folders[port] = path;
  }
  return ok(folders);
}

async function collectOutputs(params: ExecParams, folder: string, context: RunContext): ReturnType<StageBody['run']> {
  const missing = Object.entries(params.outputs).filter(([, path]) => !isFileInside(folder, join(folder, path)));
  if (missing.length > 0) {
    const diagnostics = missing.map(([name, path]) =>
      problem('S031', `the command ended well but did not write its output ${name} (${path})`, {
        location: context.at(`outputs/${name}`),
        help: `it must write the file {outputs.${name}}, or ${path} in the folder that it is started in`,
      }),
    );
    return err({ reason: 'diagnostics', diagnostics });
  }
  const outputs: OutputFile[] = [];
  for (const path of Object.values(params.outputs))
    outputs.push({ name: path, blob: await context.blobs.putFile(join(folder, path)) });
  return ok({ artifacts: { files: { type: 'files', outputs } } });
}

/** Whether a path is a file in the folder: a link that leads out of it is none. */
function isFileInside(folder: string, path: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  return realpathSync(path).startsWith(realpathSync(folder) + sep);
}

function commandFault(
  ended: Exclude<CommandEnd, { end: 'aborted' }>,
  command: readonly string[],
  params: ExecParams,
  context: RunContext,
): Diagnostic | undefined {
  const location = context.at('command');
  const program = command[0] ?? '';
  switch (ended.end) {
    case 'not-started':
      return problem('S034', `${program} cannot be started: ${startFault(ended.errno)}`, {
        location,
        help: program.includes('/')
          ? 'a script beside the pipeline file is named under `inputs` and called as {inputs.NAME}'
          : 'install it, or write its whole path',
      });
    case 'timed-out':
      return problem('S032', `${program} ran longer than ${params.timeoutSeconds} s and was ended`, {
        location,
        help: lastLines(ended.log),
      });
    case 'killed':
      return problem('S030', `${program} was ended by ${ended.signal}`, { location, help: lastLines(ended.log) });
    case 'exited':
      return ended.exitCode === 0
        ? undefined
        : problem('S030', `${program} ended with exit code ${ended.exitCode}`, {
            location,
            help: lastLines(ended.log),
          });
  }
}

function startFault(errno: string): string {
  const meanings: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such program',
    EACCES: 'it may not be executed',
  };
  return meanings[errno] ?? errno;
}

/** Lines of the log that a diagnostic shows. */
const SHOWN_LINES = 10;

function lastLines(log: string): string {
  const lines = log.trimEnd().split('\n').slice(-SHOWN_LINES);
  return log.trim() === ''
    ? 'it wrote nothing'
    : `it last wrote: ${lines.map((line) => line.slice(0, 500)).join('\n')}`;
}

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string, key: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
