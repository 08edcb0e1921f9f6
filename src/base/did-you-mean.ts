import { distance } from 'fastest-levenshtein';

/**
 * `did you mean "x"?` for a word that is close to a known one, by rustc's rule: at most a third of its length in edits, and
 * never for one or two letters.
 */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known);
  return near.length === 0 ? undefined : `did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`;
}

/** The closest known words, at most three. */
export function nearest(word: string, known: readonly string[]): readonly string[] {
  if (word.length < 3) return [];
  const limit = Math.max(1, Math.floor(word.length / 3));
  const rated = known
    .map((name) => ({ name, edits: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ edits }) => edits <= limit)
    .sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
  return rated
    .filter(({ edits }) => edits === rated[0]?.edits)
    .slice(0, 3)
    .map(({ name }) => name);
}
