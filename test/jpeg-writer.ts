/** Writes JPEG files (ITU-T T.81) out of coefficients: every sampling, restarts, and codes of every length, whatever encoders do. */

export interface WrittenJpeg {
  readonly height: number;
  readonly width: number;
  /** Blocks of luminance across and down a unit; undefined for gray. */
  readonly sampling?: { readonly across: number; readonly down: number } | undefined;
  /** Units between restarts; 0 for none. */
  readonly restart: number;
  /** One for all 64 coefficients. */
  readonly quantum: number;
  /** Coefficient `place` (zigzag) of the next block, before quantization; the first one is a difference. */
  readonly coefficient: (place: number) => number;
  /** Segments behind the start of the image. */
  readonly extra?: readonly Buffer[];
}

/** A marker with a length and a body. */
export function segment(marker: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

/** Symbols and lengths of their codes: some short, most long, so that lookups of any width miss some. */
function codeOf(symbols: readonly number[]) {
  const lengthAt = (i: number) => (i < 3 ? i + 2 : i < 12 ? 8 : i < 60 ? 11 : 16);
  const counts = Buffer.alloc(16);
  const codes = new Map<number, { readonly bits: number; readonly length: number }>();
  let next = 0;
  let last = 2;
  for (const [i, symbol] of symbols.entries()) {
    const length = lengthAt(i);
    next <<= length - last;
    last = length;
    codes.set(symbol, { bits: next++, length });
    counts[length - 1] = (counts[length - 1] ?? 0) + 1;
  }
  return { codes, table: Buffer.concat([counts, Buffer.from(symbols)]) };
}

const DC = codeOf(Array.from({ length: 12 }, (_, size) => (size + 3) % 12));
const AC = codeOf([
  0x01,
  0x00,
  0x02,
  ...Array.from({ length: 256 }, (_, symbol) => symbol).filter(
    (symbol) => symbol > 2 && (symbol & 15) <= 10 && ((symbol & 15) > 0 || symbol === 0xf0),
  ),
]);

class Bits {
  readonly #bytes: number[] = [];
  #held = 0;
  #count = 0;

  put(bits: number, length: number): void {
    for (let i = length - 1; i >= 0; i--) {
      this.#held = (this.#held << 1) | ((bits >> i) & 1);
      if (++this.#count < 8) continue;
      this.#bytes.push(this.#held);
      if (this.#held === 0xff) this.#bytes.push(0);
      [this.#held, this.#count] = [0, 0];
    }
  }

  marker(marker: number): void {
    if (this.#count > 0) this.put(0x7f, 8 - this.#count);
    this.#bytes.push(0xff, marker);
  }

  done(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

function putSymbol(bits: Bits, { codes }: typeof DC, symbol: number, value: number): void {
  const code = codes.get(symbol);
  if (!code) throw new Error(`no code for ${symbol}`);
  bits.put(code.bits, code.length);
  const size = symbol & 15;
  bits.put(value < 0 ? value + (1 << size) - 1 : value, size);
}

const sizeOf = (value: number) => 32 - Math.clz32(Math.abs(value));

function putBlock(bits: Bits, coefficient: (place: number) => number): void {
  const first = coefficient(0);
  putSymbol(bits, DC, sizeOf(first), first);
  let zeros = 0;
  for (let place = 1; place < 64; place++) {
    const value = coefficient(place);
    if (value === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) putSymbol(bits, AC, 0xf0, 0);
    putSymbol(bits, AC, (zeros << 4) | sizeOf(value), value);
    zeros = 0;
  }
  if (zeros > 0) putSymbol(bits, AC, 0, 0);
}

export function writeJpeg({ height, width, sampling, restart, quantum, coefficient, extra = [] }: WrittenJpeg): Buffer {
  const { across, down } = sampling ?? { across: 1, down: 1 };
  const components = sampling ? 3 : 1;
  const frame = Buffer.from([8, height >> 8, height & 255, width >> 8, width & 255, components]);
  const names = Array.from({ length: components }, (_, i) => i + 1);
  const sampled = names.flatMap((name) => [name, name === 1 ? (across << 4) | down : 0x11, 0]);
  const scan = Buffer.from([components, ...names.flatMap((name) => [name, 0]), 0, 63, 0]);
  const bits = new Bits();
  const units = Math.ceil(width / 8 / across) * Math.ceil(height / 8 / down);
  for (let unit = 0; unit < units; unit++) {
    if (restart > 0 && unit > 0 && unit % restart === 0) bits.marker(0xd0 + ((unit / restart - 1) & 7));
    const blocks = sampling ? across * down + 2 : 1;
    for (let block = 0; block < blocks; block++) putBlock(bits, coefficient);
  }
  bits.marker(0xd9);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe0, Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1')),
    ...extra,
    segment(0xdb, Buffer.concat([Buffer.of(0), Buffer.alloc(64, quantum)])),
    segment(0xc0, Buffer.concat([frame, Buffer.from(sampled)])),
    segment(0xc4, Buffer.concat([Buffer.of(0), DC.table, Buffer.of(0x10), AC.table])),
    ...(restart > 0 ? [segment(0xdd, Buffer.from([restart >> 8, restart & 255]))] : []),
    segment(0xda, scan),
    bits.done(),
  ]);
}
