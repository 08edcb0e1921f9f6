import { resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Json } from '../../base/json.ts';
import { err, ok } from '../../base/result.ts';
import { listIn, membersOf, numberIn, textIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { defaults } from './defaults.ts';

export interface ExecParams {
  /** The program and its arguments; never a shell string. */
  readonly command: readonly string[];
  /** Files from outside, by name. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Files that the command writes below its working folder, by name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** 0 for no limit. */
  readonly timeoutSeconds: number;
}

const any = ['dataset', 'images', 'features', 'model', 'predictions', 'metrics', 'files'] as const;

function complete(given: Json): ExecParams {
  const members = membersOf(given);
  return {
    command: listIn(members, 'command', []).map(String),
    inputs: textsIn(members['inputs'] ?? defaults.inputs),
    outputs: textsIn(members['outputs'] ?? defaults.outputs),
    timeoutSeconds: numberIn(members, 'timeoutSeconds', defaults.timeoutSeconds),
  };
}

function textsIn(given: Json): Readonly<Record<string, string>> {
  const members = membersOf(given);
  return Object.fromEntries(Object.keys(members).map((name) => [name, textIn(members, name, '')]));
}

/** A program of the user's. */
export const exec = defineStage<ExecParams>({
  kind: 'exec',
  version: 1,
  summary: 'Runs a program on declared inputs and keeps its declared outputs.',
  ports: {
    data: { accepts: any, optional: true },
    model: { accepts: ['model'], optional: true },
    predictions: { accepts: ['predictions'], optional: true },
    metrics: { accepts: ['metrics'], optional: true },
    files: { accepts: ['files'], optional: true },
  },
  gives: { files: 'files' },
  draws: true,
  complete,
  async resolve(params, context) {
    const digests: Record<string, Json> = {};
    const problems: Diagnostic[] = [];
    for (const [name, path] of Object.entries(params.inputs)) {
      const pointer = `inputs/${name}`;
      const digest = await context.digests.of(resolve(context.baseDirectory(pointer), path));
      const location = context.at(pointer);
      if (digest.ok) digests[name] = digest.value;
      else problems.push({ ...digest.error, ...(location && { location }) });
    }
    if (problems.length > 0) return err(problems);
    return ok({ identity: { command: params.command, inputs: digests, outputs: params.outputs } });
  },
  loadBody: async () => (await import('./run.ts')).body,
});
