/** `${vars.x}`, `${env.X}` and `${matrix.x}` in scalars. A scalar that is one placeholder and nothing else keeps the value's type. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import type { Environment } from '../files/project.ts';
import {
  folderOf,
  type Located,
  type LocatedMap,
  type LocatedScalar,
  type Member,
  memberOf,
  textOf,
} from './located.ts';
import { locate, type Place } from './source-text.ts';

/** `$${` stands for `${` itself. */
const PLACEHOLDER = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;
const WHOLE = /^\$\{([^{}]*)\}$/;

/** What placeholders can name, and where their problems go. */
export interface Scope {
  /** `undefined` outside of a matrix. */
  readonly matrix?: ReadonlyMap<string, Located>;
  readonly variables: Variables;
}

/** The variables of a file: `vars:` (which may use each other) and the listed part of the environment. */
export class Variables {
  readonly #written: LocatedMap | undefined;
  readonly #listed: readonly string[];
  readonly #environment: Environment;
  readonly #known = new Map<string, Located | undefined>();
  readonly #open: string[] = [];
  readonly problems: Diagnostic[];

  constructor(tree: LocatedMap, environment: Environment, problems: Diagnostic[]) {
    const written = memberOf(tree, 'vars');
    this.#written = written?.type === 'map' ? written : undefined;
    const listed = memberOf(tree, 'env');
    this.#listed = listed?.type === 'list' ? listed.items.flatMap((item) => textOf(item) ?? []) : [];
    this.#environment = environment;
    this.problems = problems;
    for (const name of this.#written?.members.keys() ?? []) this.#variable(name);
  }

  /** The value of `vars.a.b`; a problem and undefined where there is none. */
  fromVars(keys: readonly string[], at: Place): Located | undefined {
    const [name = '', ...rest] = keys;
    if (!this.#written?.members.has(name))
      return this.#unknown(`vars.${keys.join('.')}`, this.#names('vars', this.#written), at);
    if (this.#open.includes(name)) {
      const round = [...this.#open.slice(this.#open.indexOf(name)), name].map((step) => `vars.${step}`);
      this.problems.push(
        problem('P021', `these variables go in a circle: ${round.join(' → ')}`, { location: locate(at) }),
      );
      return undefined;
    }
    const value = this.#variable(name);
    return value && this.member(value, ['vars', name], rest, at);
  }

  fromEnvironment(name: string, at: Place): LocatedScalar | undefined {
    const location = locate(at);
    if (!this.#listed.includes(name)) {
      const help = didYouMean(name, this.#listed) ?? `add it: \`env: [${[...this.#listed, name].join(', ')}]\``;
      this.problems.push(
        problem('P019', `the environment variable ${name} is not listed under \`env:\``, { location, help }),
      );
      return undefined;
    }
    const value = this.#environment[name];
    if (value === undefined) {
      this.problems.push(
        problem('P020', `the environment variable ${name} is not set`, {
          location,
          help: `set it: ${name}=… pipe run …`,
        }),
      );
      return undefined;
    }
    return { type: 'scalar', value, place: at, environment: [name] };
  }

  /** Walks from a found value to a member of it. */
  member(value: Located, above: readonly string[], keys: readonly string[], at: Place): Located | undefined {
    const [key, ...rest] = keys;
    if (key === undefined) return value;
    const child = memberOf(value, key);
    const names = value.type === 'map' ? this.#names(above.join('.'), value) : [];
    return child
      ? this.member(child, [...above, key], rest, at)
      : this.#unknown([...above, ...keys].join('.'), names, at);
  }

  unknownScope(path: string, at: Place): undefined {
    return this.#unknown(
      path,
      [...this.#names('vars', this.#written), ...this.#listed.map((name) => `env.${name}`)],
      at,
      'write $${ for a literal ${',
    );
  }

  #variable(name: string): Located | undefined {
    const written = this.#written?.members.get(name)?.value;
    if (!written || this.#known.has(name)) return this.#known.get(name);
    this.#open.push(name);
    const value = substitute(written, { variables: this });
    this.#open.pop();
    this.#known.set(name, value);
    return value;
  }

  #names(prefix: string, map: LocatedMap | undefined): readonly string[] {
    return [...(map?.members.keys() ?? [])].map((name) => `${prefix}.${name}`);
  }

  #unknown(path: string, known: readonly string[], at: Place, otherwise?: string): undefined {
    const help =
      didYouMean(path, known) ??
      otherwise ??
      (known.length > 0 ? `there are ${known.join(', ')}` : 'define it under `vars:`');
    this.problems.push(problem('P018', `\${${path}} is not defined`, { location: locate(at), help }));
    return undefined;
  }
}

/** Substitutes below a node. What cannot be substituted stays as it is, with a problem. */
export function substitute(node: Located, scope: Scope): Located {
  if (node.type === 'scalar')
    return typeof node.value === 'string' && node.value.includes('${') ? inText(node, node.value, scope) : node;
  if (node.type === 'list') {
    const items = node.items.map((item) => substitute(item, scope));
    return items.every((item, i) => item === node.items[i]) ? node : { ...node, items };
  }
  let changed = false;
  const members = new Map<string, Member>();
  for (const [key, member] of node.members) {
    const value = substitute(member.value, scope);
    changed ||= value !== member.value;
    members.set(key, value === member.value ? member : { ...member, value });
  }
  return changed ? { ...node, members } : node;
}

function inText(node: LocatedScalar, text: string, scope: Scope): Located {
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined) {
    const found = lookUp(whole, node.place, scope);
    // The value counts as written here, but a path in it still starts where its variable was written.
    return found?.type === 'scalar' ? { ...found, place: node.place, folder: folderOf(found) } : (found ?? node);
  }
  const environment = new Set(node.environment);
  let folder = folderOf(node);
  const value = text.replace(PLACEHOLDER, (all, path: string | undefined, at: number) => {
    if (all === '$${') return '${';
    if (path === undefined) {
      scope.variables.problems.push(
        problem('P018', 'this `${` is not closed', {
          location: locate(node.place),
          help: 'write $${ for a literal ${',
        }),
      );
      return all;
    }
    const found = lookUp(path, node.place, scope);
    if (!found) return all;
    if (found.type !== 'scalar') {
      scope.variables.problems.push(
        problem('P018', `\${${path}} is a ${found.type} and cannot stand inside of a text`, {
          location: locate(node.place),
        }),
      );
      return all;
    }
    for (const name of found.environment ?? []) environment.add(name);
    if (at === 0) folder = folderOf(found);
    return found.value === null ? '' : String(found.value);
  });
  return { ...node, value, folder, ...(environment.size > 0 && { environment: [...environment] }) };
}

function lookUp(path: string, at: Place, { variables, matrix }: Scope): Located | undefined {
  const [scope = '', ...keys] = path.trim().split('.');
  if (scope === 'vars' && keys.length > 0) return variables.fromVars(keys, at);
  if (scope === 'env' && keys.length > 0) return variables.fromEnvironment(keys.join('.'), at);
  if (scope !== 'matrix') return variables.unknownScope(path, at);
  const [axis = '', ...rest] = keys;
  const value = matrix?.get(axis);
  if (value) return variables.member(value, ['matrix', axis], rest, at);
  const axes = [...(matrix?.keys() ?? [])];
  const help =
    axes.length > 0
      ? (didYouMean(axis, axes) ?? `axes: ${axes.join(', ')}`)
      : 'neither the stage nor one that it reads has a `matrix:`';
  variables.problems.push(problem('P018', `\${${path}} is not defined here`, { location: locate(at), help }));
  return undefined;
}
