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

/** Edits between two words; letter case, hyphens and underscores count as one edit in all (`batch_size`, `batchSize`). */
function edits(word: string, name: string): number {
  if (word === name) return 0;
  if (bare(word) === bare(name)) return 1;
  return Math.min(distance(word, name), 1 + distance(bare(word), bare(name)));
}

function bare(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '');
}
