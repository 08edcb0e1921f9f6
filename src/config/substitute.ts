/** `${vars.x}`, `${env.X}` and `${matrix.x}` in scalars. A scalar that is one placeholder and nothing else keeps the value's type. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from './did-you-mean.ts';
import { type Located, type LocatedMap, mapScalars, type Scalar } from './located.ts';

const PLACEHOLDER = /\$\{([^{}]*)\}/g;
const WHOLE = /^\$\{([^{}]*)\}$/;

export interface Values {
  /** `vars.size` or `matrix.units` to its value. */
  readonly known: ReadonlyMap<string, Located>;
  /** Names listed under `env:`. */
  readonly allowed: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Substitutes below `node`; problems are collected. Placeholders of `later` prefixes are left for a later pass. */
export function substitute(node: Located, values: Values, problems: Diagnostic[], later: readonly string[] = []): Located {
  return mapScalars(node, (scalar) => {
    const text = scalar.value;
    if (typeof text !== 'string' || !text.includes('${')) return scalar;
    const whole = WHOLE.exec(text)?.[1];
    if (whole !== undefined) {
      if (later.some((prefix) => whole.startsWith(prefix))) return scalar;
      const found = lookUp(whole, values, scalar.at, problems);
      return found ? relocate(found, scalar.at) : scalar;
    }
    let variable = scalar.variable;
    const replaced = text.replace(PLACEHOLDER, (all, path: string) => {
      if (later.some((prefix) => path.startsWith(prefix))) return all;
      const found = lookUp(path, values, scalar.at, problems);
      if (found?.kind !== 'scalar') {
        if (found) problems.push(problem('P012', `\${${path}} is a ${found.kind} and cannot stand inside text`, { location: scalar.at }));
        return all;
      }
      variable = found.variable ?? variable;
      return String(found.value);
    });
    return { ...scalar, value: replaced, ...(variable !== undefined && { variable }) };
  });
}

function lookUp(path: string, values: Values, at: Located['at'], problems: Diagnostic[]): Located | undefined {
  const [scope = '', ...rest] = path.split('.');
  const name = rest.join('.');
  if (scope === 'env') {
    if (!values.allowed.includes(name)) {
      problems.push(problem('P013', `the variable ${name} is not listed under \`env:\``, { location: at, help: `add \`env: [${name}]\` at the top of the file` }));
      return undefined;
    }
    const value = values.environment[name];
    if (value === undefined) {
      problems.push(problem('P013', `the environment variable ${name} is not set`, { location: at, help: `set it: ${name}=… pipe run …` }));
      return undefined;
    }
    return { kind: 'scalar', value: typed(value), at, variable: name };
  }
  const found = values.known.get(path);
  if (!found) {
    problems.push(problem('P012', `\${${path}} is not defined`, { location: at, help: didYouMean(path, [...values.known.keys()]) ?? 'define it under `vars:`' }));
  }
  return found;
}

/** A value from the environment reads as YAML would read it: a number, a boolean, or text. */
function typed(text: string): Scalar {
  if (/^[-+]?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}

/** A substituted value stands where its placeholder stood; its parts keep their own places, for paths relative to their file. */
function relocate(value: Located, at: Located['at']): Located {
  return value.kind === 'scalar' ? { ...value, at } : value;
}

/** The members of `vars:` with placeholders among them resolved, in as many passes as they are deep. */
export function resolveVars(vars: LocatedMap | undefined, values: Omit<Values, 'known'>, problems: Diagnostic[]): ReadonlyMap<string, Located> {
  const known = new Map<string, Located>();
  const flatten = (prefix: string, map: LocatedMap) => {
    for (const [name, { value }] of map.members) {
      known.set(`${prefix}.${name}`, value);
      if (value.kind === 'map') flatten(`${prefix}.${name}`, value);
    }
  };
  if (vars) flatten('vars', vars);
  for (let pass = 0; pass < 8; pass++) {
    const pending = [...known].filter(([, value]) => holdsPlaceholder(value));
    if (pending.length === 0) return known;
    if (pass === 7) {
      for (const [name, value] of pending) problems.push(problem('P012', `${name} refers to itself`, { location: value.at }));
      for (const [name] of pending) known.delete(name);
      return known;
    }
    for (const [name, value] of pending) known.set(name, substitute(value, { ...values, known }, pass === 0 ? problems : []));
  }
  return known;
}

function holdsPlaceholder(node: Located): boolean {
  let holds = false;
  mapScalars(node, (scalar) => {
    holds ||= typeof scalar.value === 'string' && /\$\{(vars|env)\./.test(scalar.value);
    return scalar;
  });
  return holds;
}
