import { distance } from 'fastest-levenshtein';

/**
 * `did you mean "x"?` for a word that is close to a known one, by rustc's rule: at most a third of its length in edits, and
 * never for one or two letters.
 */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known);
  return near.length === 0 ? undefined : `did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`;
}

/** The closest known words, at most three, all equally close. */
export function nearest(word: string, known: readonly string[]): readonly string[] {
  if (word.length < 3) return [];
  const limit = Math.max(1, Math.floor(word.length / 3));
  const rated = [...new Set(known)]
    .map((name) => ({ name, edits: edits(word, name) }))
    .filter(({ edits: count }) => count <= limit)
    .sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
  return rated
    .filter(({ edits: count }) => count === rated[0]?.edits)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Edits between two words: Levenshtein's, but two neighbours changing places, or letter case and hyphens, are one. */
function edits(word: string, name: string): number {
  if (word === name) return 0;
  if (bare(word) === bare(name)) return 1;
  const swapped = Array.from(
    word,
    (_, i) =>
      word.slice(0, i) +
      word
        .slice(i, i + 2)
        .split('')
        .reverse()
        .join('') +
      word.slice(i + 2),
  );
  return Math.min(
    distance(word, name),
    1 + distance(bare(word), bare(name)),
    ...swapped.map((other) => 1 + distance(other, name)),
  );
}

function bare(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '');
}
