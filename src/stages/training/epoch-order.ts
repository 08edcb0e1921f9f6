/** The order in which an epoch takes the rows. */
import { drawKey, philox4x32 } from '../../base/philox.ts';
import { KEY_BYTES, type RowTable } from '../../data/row-table.ts';

/**
 * `rows` sorted by a draw keyed by (seed, 'shuffle', image digest, epoch): neither the table's order nor the other rows decide
 * where a row stands relative to another. Rows of one image stand together, by label.
 */
export function epochOrder(table: RowTable, rows: Uint32Array, seed: number, epoch: number): Uint32Array {
  const recent = recentOrders.get(table) ?? [];
  const known = recent.find((one) => one.seed === seed && one.epoch === epoch && isSame(one.rows, rows));
  if (known) return known.order;
  const order = drawOrder(table, rows, seed, epoch);
  const most = Math.min(MOST_RECENT, Math.max(LEAST_RECENT, Math.floor(RECENT_BYTES / order.byteLength)));
  recentOrders.set(table, [{ rows, seed, epoch, order }, ...recent.slice(0, most - 1)]);
  return order;
}

interface DrawnOrder {
  readonly rows: Uint32Array;
  readonly seed: number;
  readonly epoch: number;
  readonly order: Uint32Array;
}

/** Heads that are trained side by side ask for the same orders, those of light ones some epochs apart. */
const recentOrders = new WeakMap<RowTable, readonly DrawnOrder[]>();
const [LEAST_RECENT, MOST_RECENT] = [4, 64];
const RECENT_BYTES = 2 ** 24;

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  return a === b || (a.length === b.length && a.every((row, i) => row === b[i]));
}

function drawOrder(table: RowTable, rows: Uint32Array, seed: number, epoch: number): Uint32Array {
  const [k0, k1] = drawKey(seed, 'shuffle');
  const words = keyWords(table);
  const draws = new Uint32Array(rows.length * 4);
  rows.forEach((row, i) => {
    const at = row * (KEY_BYTES / 4);
    philox4x32(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0, epoch, k0, k1, draws, i * 4);
  });
  const order = Uint32Array.from(rows, (_, i) => i);
  order.sort((a, b) => {
    const byDraw = (draws[a * 4] ?? 0) - (draws[b * 4] ?? 0) || (draws[a * 4 + 1] ?? 0) - (draws[b * 4 + 1] ?? 0);
    if (byDraw !== 0) return byDraw;
    const [x, y] = [rows[a] ?? 0, rows[b] ?? 0];
    return Buffer.compare(table.key(x), table.key(y)) || (table.label[x] ?? 0) - (table.label[y] ?? 0);
  });
  return order.map((i) => rows[i] ?? 0);
}

/** The first eight bytes of each row's image digest as two little-endian words: what dropout masks are keyed by. */
export function maskKeys(table: RowTable, rows: Uint32Array): Uint32Array {
  const words = keyWords(table);
  const keys = new Uint32Array(rows.length * 2);
  rows.forEach((row, i) => {
    keys[i * 2] = words[row * (KEY_BYTES / 4)] ?? 0;
    keys[i * 2 + 1] = words[row * (KEY_BYTES / 4) + 1] ?? 0;
  });
  return keys;
}

/** The digests as little-endian 32-bit words; a view where the bytes are aligned. */
function keyWords({ keys }: RowTable): Uint32Array {
  const aligned = keys.byteOffset % 4 === 0 ? keys : new Uint8Array(keys);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
