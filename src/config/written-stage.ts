/** The stages of a file before they are expanded and checked. */
import { type LocatedMap, memberOf, textOf } from './located.ts';
import type { Place } from './source-text.ts';

export interface WrittenStage {
  readonly name: string;
  /** Where the name stands. */
  readonly key: Place;
  readonly body: LocatedMap;
  readonly sources: readonly Source[];
}

/** One text under `from:`. */
export interface Source {
  /** Undefined in the short form `from: x`. */
  readonly port: string | undefined;
  /** `head`, `head@500`, `head.model` or `head@500.model`. */
  readonly text: string;
  readonly place: Place;
}

export function writtenStages(tree: LocatedMap): readonly WrittenStage[] {
  const stages = memberOf(tree, 'stages');
  if (stages?.type !== 'map') return [];
  return [...stages.members].flatMap(([name, { key, value }]) =>
    value.type === 'map' ? [{ name, key, body: value, sources: sourcesIn(value) }] : [],
  );
}

function sourcesIn(body: LocatedMap): readonly Source[] {
  const from = memberOf(body, 'from');
  const short = textOf(from);
  if (from && short !== undefined) return [{ port: undefined, text: short, place: from.place }];
  if (from?.type !== 'map') return [];
  return [...from.members].flatMap(([port, { value }]) => {
    const text = textOf(value);
    return text === undefined ? [] : [{ port, text, place: value.place }];
  });
}

/** The stage that a source means as far as the file says: `head` of `head@500.model`. */
export function groupOf(source: Source): string {
  return /^[^@.]*/.exec(source.text)?.[0] ?? '';
}
