/** `--set head.epochs=5`: a stage's `with`, `vars.x`, or `seed`; the value is read as YAML. */
import { parseDocument } from 'yaml';
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { didYouMean } from './did-you-mean.ts';
import { type Located, type LocatedMap, locatedJson, withMember } from './located.ts';

export interface Override {
  /** `head.optimizer.adam.learningRate` */
  readonly path: string;
  readonly value: Json;
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

export function parseOverride(text: string): Result<Override, Diagnostic> {
  const sign = text.indexOf('=');
  const path = text.slice(0, sign).trim();
  if (sign < 1 || !/^[^.\s]+(\.[^.\s]+)*$/.test(path)) {
    return err(problem('U002', `--set ${text}: expected PATH=VALUE`, { help: 'for example --set head.epochs=5' }));
  }
  if (path.split('.').some((part) => FORBIDDEN.has(part))) return err(problem('U002', `--set ${path}: this name is not allowed`));
  const document = parseDocument(text.slice(sign + 1), { logLevel: 'silent', merge: false });
  const [error] = [...document.errors, ...document.warnings];
  if (error) return err(problem('U002', `--set ${path}: the value is not valid YAML: ${error.message.split('\n')[0]}`));
  const value: Json = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 0 }) ?? null));
  return ok({ path, value });
}

/** Applies overrides to a file's tree, before substitution. */
export function applyOverrides(root: LocatedMap, overrides: readonly Override[], problems: Diagnostic[]): LocatedMap {
  return overrides.reduce((tree, { path, value }) => applyOne(tree, path, value, problems), root);
}

function applyOne(root: LocatedMap, path: string, value: Json, problems: Diagnostic[]): LocatedMap {
  const at: Location = { file: `--set ${path}=${JSON.stringify(value)}`, line: 1, column: 1 };
  const [first = '', ...rest] = path.split('.');
  const located = locatedJson(value, at);
  if (first === 'seed' && rest.length === 0) return setAt(root, ['seed'], located, at);
  if (first === 'vars' && rest.length > 0) return setAt(root, ['vars', ...rest], located, at);
  const stages = root.members.get('stages')?.value;
  const names = stages?.kind === 'map' ? [...stages.members.keys()] : [];
  const [base] = first.split('@');
  if (stages?.kind !== 'map' || !stages.members.has(base ?? first)) {
    problems.push(problem('U003', `--set ${path}: there is no stage "${first}"`, { help: didYouMean(first, names) ?? `stages: ${names.join(', ')}; or vars.NAME, or seed` }));
    return root;
  }
  if (rest.length === 0) {
    problems.push(problem('U003', `--set ${path}: name a setting of the stage`, { help: `for example --set ${first}.epochs=5` }));
    return root;
  }
  return setAt(root, ['stages', base ?? first, 'with', ...rest], located, at);
}

/** Sets a value deep in a tree. A scalar on the way is a shorthand (`optimizer: adam`): it gives way to the map it stands for. */
function setAt(node: LocatedMap, path: readonly string[], value: Located, at: Location): LocatedMap {
  const [name = '', ...rest] = path;
  const member = node.members.get(name);
  if (rest.length === 0) return withMember(node, name, { key: member?.key ?? at, value });
  return withMember(node, name, { key: member?.key ?? at, value: setBelow(member?.value, rest, value, at) });
}

function setBelow(node: Located | undefined, path: readonly string[], value: Located, at: Location): Located {
  const [name = '', ...rest] = path;
  if (node?.kind === 'list' && /^\d+$/.test(name)) {
    const items = [...node.items];
    items[Number(name)] = rest.length === 0 ? value : setBelow(items[Number(name)], rest, value, at);
    return { ...node, items };
  }
  const map: LocatedMap = node?.kind === 'map' ? node : { kind: 'map', members: new Map(), at: node?.at ?? at };
  return setAt(map, path, value, at);
}
