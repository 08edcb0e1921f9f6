/** Cells of the CSV files that we write: quoted by RFC 4180, and never taken for a formula by a spreadsheet. */

const FORMULA = /^'*[=+\-@\t\r]/;
const ESCAPED = /^'+[=+\-@\t\r]/;

/** A cell's text on a line of a CSV file. One that starts like a formula gets a quote mark before it. */
export function csvCell(text: string): string {
  const safe = escapeFormula(text);
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** `=1+1` becomes `'=1+1`; what already looks so gets one mark more, so that `unescapeFormula` gives every text back. */
export function escapeFormula(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

export function unescapeFormula(text: string): string {
  return ESCAPED.test(text) ? text.slice(1) : text;
}

/** The shortest decimal that stands for a float32. */
export function shortestFloat32(number: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const short = number.toPrecision(digits);
    if (Math.fround(Number(short)) === number) return String(Number(short));
  }
  return String(Number(number.toPrecision(9)));
}
