// Interleaved timing of alternatives in one run: ratios are quoted, never absolute times of different days.

/** Median, minimum and maximum of numbers. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: sorted[0], max: sorted.at(-1), n: sorted.length };
}

/** Linear interpolation between order statistics (Hyndman and Fan's type 7). */
function quantile(sorted, q) {
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/**
 * Runs the alternatives in turn, `rounds` times, and compares each with the last one.
 * @param {Record<string, () => Promise<number> | number>} alternatives each gives its own figure (milliseconds, say)
 * @returns for each: its spread, and, but for the last, the ratio to the last with a 90 % interval of the median of pair ratios
 */
export async function interleave(alternatives, rounds) {
  const names = Object.keys(alternatives);
  const figures = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) figures[name].push(await alternatives[name]());
  }
  const base = names.at(-1);
  return Object.fromEntries(
    names.map((name) => {
      const figure = { ...spread(figures[name]), values: figures[name] };
      return [name, name === base ? figure : against(figure, { values: figures[base] })];
    }),
  );
}

/** A figure with its ratio to another one that was taken in turn with it. */
export function against(figure, base) {
  const ratios = figure.values.map((value, i) => value / base.values[i]);
  return { ...figure, ratio: spread(ratios).median, interval: medianInterval(ratios) };
}

/**
 * 90 % interval of a median from order statistics, exact for any distribution: from the r-th smallest to the r-th largest, with the largest
 * r that leaves at most 5 % below. Below five values that is more than they can tell: then it is all of them.
 */
function medianInterval(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  let r = 1;
  while (2 * (r + 1) <= n && binomialTail(n, r + 1) <= 0.05) r++;
  return [sorted[r - 1], sorted[n - r]];
}

/** P(Binomial(n, ½) < k). */
function binomialTail(n, k) {
  let term = 0.5 ** n;
  let sum = 0;
  for (let i = 0; i < k; i++) {
    sum += term;
    term = (term * (n - i)) / (i + 1);
  }
  return sum;
}
