/** From text to a located tree: YAML 1.2, one document; everything that would change or vanish silently is refused with its place. */
import { isAlias, isMap, isScalar, isSeq, type Pair, type YAMLMap, type Scalar as YamlScalar } from 'yaml';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { FORBIDDEN_KEYS, type Located, type LocatedMap, type LocatedScalar, type Member } from './located.ts';
import type { Composed } from './read-file.ts';
import { locate, type Place, type SourceText } from './source-text.ts';
import { DEEPEST, type Placer, parseSyntax } from './yaml-syntax.ts';

/** Values after aliases are expanded: a billion laughs ends here. */
const MOST_PARTS = 100_000;

/** Reads the text of a source from an offset on. Never throws, whatever the text. */
export function composeYaml(source: SourceText, offset = 0): Composed {
  const place = (start: number, end: number): Place => ({ source, start: start + offset, end: end + offset });
  const { document, problems: syntax } = parseSyntax(source.text.slice(offset), place);
  if (!document?.contents) return { problems: syntax };
  const problems = [...syntax];
  const composer = new Composer(place, problems);
  return { node: composer.compose(document.contents, []), problems };
}

/** An anchored value while aliases may refer to it; `open` until it is complete. */
type Anchored = { readonly node: Located; readonly parts: number; readonly height: number } | 'open';

class Composer {
  readonly #place: Placer;
  readonly #problems: Diagnostic[];
  readonly #anchors = new Map<string, Anchored>();
  #parts = 0;
  /** The deepest level below the node that is being composed, aliases expanded. */
  #reached = 0;
  #full = false;

  constructor(place: Placer, problems: Diagnostic[]) {
    this.#place = place;
    this.#problems = problems;
  }

  compose(node: unknown, keys: readonly string[]): Located {
    const place = this.#placeOf(node);
    if (isAlias(node)) return this.#alias(node.source, place, keys.length);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    const before = { parts: this.#parts, reached: this.#reached };
    this.#parts += 1;
    this.#reached = keys.length;
    if (anchor) this.#anchors.set(anchor, 'open');
    const made = this.#value(node, place, keys);
    const height = this.#reached - keys.length;
    if (anchor) this.#anchors.set(anchor, { node: made, parts: this.#parts - before.parts, height });
    this.#reached = Math.max(before.reached, this.#reached);
    return made;
  }

  #value(node: unknown, place: Place, keys: readonly string[]): Located {
    if (isScalar(node)) return this.#scalar(node, place);
    if (keys.length >= DEEPEST) return this.#tooDeep(place);
    if (isSeq(node))
      return { type: 'list', items: node.items.map((item, i) => this.compose(item, [...keys, String(i)])), place };
    if (isMap(node)) return this.#map(node, place, keys);
    return { type: 'scalar', value: null, place };
  }

  #map(node: YAMLMap, place: Place, keys: readonly string[]): Located {
    const members = new Map<string, Member>();
    const merged: LocatedMap[] = [];
    for (const pair of node.items) {
      const key = this.#key(pair);
      if (!key) continue;
      const value = pair.value === null ? nullAfter(key.place) : this.compose(pair.value, [...keys, key.name]);
      const earlier = members.get(key.name);
      if (key.merges) merged.push(...this.#mergeSources(value, key.place));
      else if (earlier) this.#duplicate(key.name, key.place, earlier.key, keys);
      else members.set(key.name, { key: key.place, value });
    }
    // Members of the map itself win, then the sources in their order.
    for (const source of merged)
      for (const [name, member] of source.members) if (!members.has(name)) members.set(name, member);
    return { type: 'map', members, place };
  }

  #key(
    pair: Pair<unknown, unknown>,
  ): { readonly name: string; readonly place: Place; readonly merges: boolean } | undefined {
    const place = this.#placeOf(pair.key);
    const node = isAlias(pair.key) ? this.#alias(pair.key.source, place, 0) : undefined;
    const scalar = isScalar(pair.key) ? pair.key : undefined;
    if (scalar?.anchor) this.compose(scalar, []);
    // Numbers and booleans as keys keep the letters they are written with: `007` stays `007`.
    const value =
      node?.type === 'scalar'
        ? node.value
        : typeof scalar?.value === 'string'
          ? scalar.value
          : scalar?.value == null
            ? null
            : (scalar.source ?? String(scalar.value));
    if (value === null) {
      this.#refuse('P011', 'a key must be a text', place, undefined);
      return undefined;
    }
    const name = String(value);
    if (FORBIDDEN_KEYS.has(name)) {
      this.#refuse('P011', `no key may be called ${name}`, place, 'choose another name');
      return undefined;
    }
    return { name, place, merges: name === '<<' && scalar?.type === 'PLAIN' };
  }

  #alias(name: string, place: Place, level: number): Located {
    const target = this.#anchors.get(name);
    if (!target) return this.#refuse('P009', `there is no anchor &${name} before this alias`, place, undefined);
    if (target === 'open')
      return this.#refuse('P009', `the alias *${name} stands inside of its own anchor`, place, undefined);
    if (level + target.height >= DEEPEST) return this.#tooDeep(place);
    this.#reached = Math.max(this.#reached, level + target.height);
    this.#parts += target.parts;
    if (this.#parts <= MOST_PARTS) return target.node;
    const none: LocatedScalar = { type: 'scalar', value: null, place };
    if (this.#full) return none;
    this.#full = true;
    return this.#refuse(
      'P009',
      `the aliases of this file expand to more than ${MOST_PARTS.toLocaleString('en')} values`,
      place,
      undefined,
    );
  }

  #mergeSources(value: Located, key: Place): readonly LocatedMap[] {
    const sources = value.type === 'list' ? value.items : [value];
    const maps = sources.filter((source) => source.type === 'map');
    if (maps.length < sources.length) this.#refuse('P033', '`<<` takes a map or a list of maps', key, undefined);
    return maps;
  }

  #duplicate(name: string, again: Place, first: Place, keys: readonly string[]): void {
    const message =
      keys.length === 1 && keys[0] === 'stages'
        ? `two stages are called "${name}"`
        : `the key "${name}" is there twice`;
    this.#problems.push(
      problem('P007', message, {
        location: locate(again),
        related: [{ message: 'first here', location: locate(first) }],
        help: 'remove or rename one of them',
      }),
    );
  }

  #scalar(node: YamlScalar, place: Place): Located {
    const { value } = node;
    if (typeof value === 'string') {
      if (!value.isWellFormed())
        return this.#refuse(
          'P004',
          'this text holds half of a surrogate pair',
          place,
          'write the character itself, or both halves',
        );
      if (value.includes('\0')) return this.#refuse('P004', 'this text holds a NUL character', place, undefined);
      return { type: 'scalar', value, place };
    }
    if (typeof value === 'number') {
      const trap = numberTrap(value, node.source ?? String(value));
      return trap ? this.#refuse('P017', trap.message, place, trap.help) : { type: 'scalar', value, place };
    }
    return { type: 'scalar', value: typeof value === 'boolean' ? value : null, place };
  }

  #refuse(code: Diagnostic['code'], message: string, place: Place, help: string | undefined): LocatedScalar {
    this.#problems.push(problem(code, message, { location: locate(place), help }));
    return { type: 'scalar', value: null, place };
  }

  #tooDeep(place: Place): LocatedScalar {
    return this.#refuse('P010', 'nested too deep', place, `at most ${DEEPEST} levels`);
  }

  #placeOf(node: unknown): Place {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
    return this.#place(range?.[0] ?? 0, range?.[1] ?? 0);
  }
}

function nullAfter(key: Place): LocatedScalar {
  return { type: 'scalar', value: null, place: { ...key, start: key.end } };
}

/** Why a number is not what it looks like, if so. */
function numberTrap(value: number, source: string): { readonly message: string; readonly help: string } | undefined {
  if (!Number.isFinite(value))
    return { message: `${source} is not a number that can be used here`, help: 'write a finite number' };
  if (/^[-+]?0\d/.test(source))
    return {
      message: `${source} has a leading zero, which YAML ignores`,
      help: `write ${value}, or "${source}" if it is a text`,
    };
  if (Object.is(value, -0)) return { message: `${source} is the same as 0 here`, help: 'write 0' };
  const whole = !/[.eE]/.test(source) || source.startsWith('0x');
  if (whole && !Number.isSafeInteger(value))
    return {
      message: `${source} is too large to be exact: it would become ${value}`,
      help: `write "${source}" if it is a text`,
    };
  return undefined;
}
