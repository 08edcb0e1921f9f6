/** What a sweep varies: choices and distributions by dotted path, some of them there only under another choice. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';

/** One number that a strategy picks, from 0 up to 1; what it means is the parameter's business. */
export interface Parameter {
  /** `head.optimizer`, or `head.optimizer[1].adam.learningRate` for one within the second alternative. */
  readonly key: string;
  readonly scale: Scale;
  /** The alternative under which alone it means anything. */
  readonly within?: { readonly key: string; readonly choice: number };
}

export type Scale =
  | { readonly type: 'choice'; readonly values: readonly Json[] }
  | {
      readonly type: 'uniform' | 'logUniform' | 'integer' | 'logInteger';
      readonly from: number;
      readonly to: number;
      /** Values in a grid. */
      readonly points: number;
    };

/** Numbers by parameter key. */
export type Point = ReadonlyMap<string, number>;

export interface Setting {
  readonly path: string;
  readonly value: Json;
}

export interface Space {
  /** By path, in the order of the alphabet: the order in the file means nothing. */
  readonly paths: readonly string[];
  readonly parameters: readonly Parameter[];
  /** The settings that a point stands for. */
  settings(point: Point): readonly Setting[];
}

const scales = ['uniform', 'logUniform', 'integer', 'logInteger', 'choice'] as const;
const GRID_POINTS = 3;

/** Reads `over`. Faults come without a place; the caller knows it by path. */
export function readSpace(over: JsonObject): Result<Space, { readonly path: string; readonly diagnostic: Diagnostic }> {
  const parameters: Parameter[] = [];
  const paths = Object.keys(over).sort();
  const roots = new Map<string, Node>();
  for (const path of paths) {
    try {
      const given = over[path] ?? null;
      const spec = isJsonArray(given) ? { choice: given } : given;
      if (!scaleName(spec))
        throw new Refused(`"${path}" has neither a list of values nor a distribution`, distributionHelp(spec));
      roots.set(path, read(spec, path, undefined, parameters));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return err({ path, diagnostic: problem('P035', `sweep.over: ${error.message}`, { help: error.help }) });
    }
  }
  return ok({
    paths,
    parameters,
    settings: (point) => [...roots].map(([path, node]) => ({ path, value: node(point) })),
  });
}

class Refused extends Error {
  readonly help: string;
  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

/** Gives the value at a point. */
type Node = (point: Point) => Json;

function read(spec: Json, key: string, within: Parameter['within'], parameters: Parameter[]): Node {
  const name = scaleName(spec);
  if (name) {
    const scale = readScale(name, spec, key);
    parameters.push({ key, scale, ...(within && { within }) });
    if (scale.type !== 'choice') return (point) => valueAt(scale, numberAt(point, key));
    const nodes = scale.values.map((value, choice) => read(value, `${key}[${choice}]`, { key, choice }, parameters));
    return (point) => nodes[indexAt(numberAt(point, key), nodes.length)]?.(point) ?? null;
  }
  if (isJsonArray(spec)) {
    const nodes = spec.map((item, i) => read(item, `${key}.${i}`, within, parameters));
    return (point) => nodes.map((node) => node(point));
  }
  if (isJsonObject(spec)) {
    const nodes = Object.entries(spec).map(
      ([name, item]) => [name, read(item, `${key}.${name}`, within, parameters)] as const,
    );
    return (point) => Object.fromEntries(nodes.map(([name, node]) => [name, node(point)]));
  }
  return () => spec;
}

/** The distribution that a value is, if it is one: a map with one of the names and a list under it. */
function scaleName(spec: Json): (typeof scales)[number] | undefined {
  if (!isJsonObject(spec)) return undefined;
  const others = Object.keys(spec).filter((name) => name !== 'points');
  const [only] = others;
  const name = scales.find((scale) => scale === only);
  return others.length === 1 && name && isJsonArray(spec[name] ?? null) ? name : undefined;
}

function readScale(name: (typeof scales)[number], spec: Json, key: string): Scale {
  const members = isJsonObject(spec) ? spec : {};
  const given = members[name] ?? null;
  const values = isJsonArray(given) ? given : [];
  if (name === 'choice') return { type: name, values: distinct(values, key) };
  const [from, to] = values;
  if (values.length !== 2 || typeof from !== 'number' || typeof to !== 'number' || !(from < to))
    throw new Refused(`${name} of "${key}" takes two numbers, the smaller first`, `for example { ${name}: [1, 10] }`);
  const log = name === 'logUniform' || name === 'logInteger';
  if (log && from <= 0) throw new Refused(`${name} of "${key}" starts at ${from}`, 'a logarithm needs bounds above 0');
  const whole = name === 'integer' || name === 'logInteger';
  if (whole && !(Number.isInteger(from) && Number.isInteger(to)))
    throw new Refused(`${name} of "${key}" takes whole numbers`, 'use uniform or logUniform for others');
  const points = members['points'] ?? GRID_POINTS;
  if (typeof points !== 'number' || !Number.isInteger(points) || points < 1 || points > 1000)
    throw new Refused(`points of "${key}" must be a whole number from 1 to 1000`, 'it counts the values in a grid');
  return { type: name, from, to, points };
}

function distinct(values: readonly Json[], key: string): readonly Json[] {
  if (values.length === 0) throw new Refused(`"${key}" has no values`, 'give a list of at least one');
  const texts = values.map((value) => JSON.stringify(value));
  const twice = texts.find((text, i) => texts.indexOf(text) !== i);
  if (twice !== undefined) throw new Refused(`"${key}" has the value ${twice} twice`, 'name each value once');
  return values;
}

function distributionHelp(spec: Json): string {
  const key = isJsonObject(spec) ? Object.keys(spec)[0] : undefined;
  return (
    (key !== undefined && didYouMean(key, scales)) ||
    `give a list, or one of ${scales.map((name) => `{ ${name}: […] }`).join(', ')}`
  );
}

function numberAt(point: Point, key: string): number {
  const number = point.get(key);
  if (number === undefined) throw new Error(`the point has no ${key}`);
  return number;
}

/** Which of `count` equal parts of [0, 1) a number lies in. */
export function indexAt(number: number, count: number): number {
  return Math.min(count - 1, Math.floor(number * count));
}

function valueAt(scale: Exclude<Scale, { type: 'choice' }>, number: number): number {
  const { from, to } = scale;
  switch (scale.type) {
    case 'uniform':
      return from + (to - from) * number;
    case 'logUniform':
      return from * (to / from) ** number;
    case 'integer':
      return from + indexAt(number, to - from + 1);
    case 'logInteger':
      return Math.min(to, Math.floor(from * ((to + 1) / from) ** number));
  }
}
