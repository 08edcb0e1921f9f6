// The one table, as text that is Markdown too.

const dash = '';

/** Three digits that count. */
export function digits(value) {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  return magnitude >= 100
    ? value.toFixed(0)
    : magnitude >= 10
      ? value.toFixed(1)
      : magnitude >= 1
        ? value.toFixed(2)
        : value.toFixed(3);
}

const percent = (share) => (share === undefined ? dash : `${(100 * share).toFixed(0)} %`);

function ratioOf({ figure: { ratio, interval } = {} }) {
  if (ratio === undefined) return dash;
  return `${digits(ratio)}${interval ? ` [${interval.map(digits).join('–')}]` : ''}`;
}

const columns = [
  ['case', (row) => row.case],
  ['what', (row) => row.what],
  ['unit', (row) => row.unit ?? dash],
  ['median', ({ figure }) => (figure ? digits(figure.median) : dash)],
  ['min', ({ figure }) => (figure ? digits(figure.min) : dash)],
  ['max', ({ figure }) => (figure ? digits(figure.max) : dash)],
  ['n', ({ figure }) => (figure ? String(figure.n) : dash)],
  ['ratio [90 %]', ratioOf],
  ['to', (row) => (row.figure?.ratio === undefined ? dash : (row.to ?? dash))],
  ['target', (row) => row.target ?? dash],
  ['GFLOP/s', ({ roofline }) => (roofline?.gflops === undefined ? dash : digits(roofline.gflops))],
  ['of peak', ({ roofline }) => percent(roofline?.ofPeak)],
  ['GB/s', ({ roofline }) => (roofline?.gbytes === undefined ? dash : digits(roofline.gbytes))],
  ['of memory', ({ roofline }) => percent(roofline?.ofMemory)],
];

/** All rows; a column that no row fills is left out. A row that was not run says so in place of its figures. */
export function tableOf(rows) {
  const cells = rows.map((row) => columns.map(([, of]) => of(row)));
  const used = columns.map((_, i) => i < 2 || cells.some((line) => line[i] !== dash));
  return markdown(
    columns.map(([name]) => name).filter((_, i) => used[i]),
    cells.map((line) => line.filter((_, i) => used[i])),
    rows.map(absence),
  );
}

/** Why a row has no figures, and the command that would give it some. */
export function absence({ notRun, command }) {
  return notRun === undefined ? undefined : `${notRun}${command ? `; \`${command}\`` : ''}`;
}

/** Two tables side by side: the figures of the same rows, and how the ratios within each run moved. */
export function comparisonOf(before, after) {
  const keyOf = (row) => `${row.case} ${row.what}`;
  const earlier = new Map(before.rows.map((row) => [keyOf(row), row]));
  const keys = new Set([...earlier.keys(), ...after.rows.map(keyOf)]);
  const later = new Map(after.rows.map((row) => [keyOf(row), row]));
  const lines = [...keys].map((key) => {
    const [a, b] = [earlier.get(key), later.get(key)];
    const shown = (row) =>
      row?.figure ? `${digits(row.figure.median)} [${digits(row.figure.min)}–${digits(row.figure.max)}]` : '–';
    const change = a?.figure && b?.figure ? digits(b.figure.median / a.figure.median) : '';
    const { case: name, what, unit = '' } = a ?? b;
    return [name, what, unit, shown(a), shown(b), change, a ? ratioOf(a) : '', b ? ratioOf(b) : ''];
  });
  const [one, two] = [before.machine.commit ?? 'before', after.machine.commit ?? 'after'];
  return markdown(
    [
      'case',
      'what',
      'unit',
      `${one}: median [min–max]`,
      `${two}: median [min–max]`,
      'after / before',
      `${one}: ratio in its run`,
      `${two}: ratio in its run`,
    ],
    lines,
  );
}

/** @param notes in place of what stands right of the second cell, where one is given */
function markdown(head, lines, notes = []) {
  const widthOf = (i) => Math.max(...[head, ...lines].map((line) => line[i].length));
  const widths = head.map((_, i) => widthOf(i));
  const padded = (line) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const shown = lines.map((line, i) => {
    if (notes[i] === undefined) return padded(line);
    const left = line.slice(0, 2).map((cell, at) => cell.padEnd(widths[at]));
    return `| ${[...left, notes[i]].join(' | ')} |`;
  });
  return [padded(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...shown].join('\n');
}
