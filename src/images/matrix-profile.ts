/**
 * Colour profiles (ICC.1) that are three curves and a matrix, and what becomes of 8-bit colours on the way to sRGB: the arithmetic of Little CMS'
 * matrix shaper (Marti Maria), in numbers with 14 bits behind the point, to the same bits.
 */

/** From a profile's red, green and blue to sRGB's. */
export interface MatrixShaper {
  /** [3 channels, 256]: what a value adds to red, green, blue and nothing, 28 bits behind the point; half a unit is in the first. */
  readonly sums: Int32Array;
  /** [16385]: sRGB by linear light. */
  readonly curve: Uint8Array;
}

const ONE = 16_384;

/** What libvips takes for sRGB: a column of XYZ a primary, and the curve of IEC 61966-2-1 in numbers of 16 bits behind the point. */
const SRGB = {
  columns: [
    [28_576, 14_578, 911],
    [25_238, 46_985, 6_362],
    [9_376, 3_973, 46_788],
  ],
  curve: { power: 157_289 / 65_536, scale: 62_119 / 65_536, offset: 3_417 / 65_536, slope: 5_072 / 65_536 },
  joint: 2_651 / 65_536,
};

/** Undefined where the profile is of another kind. */
export function matrixShaper(profile: Buffer): MatrixShaper | undefined {
  try {
    if (profile.toString('latin1', 16, 24) !== 'RGB XYZ ') return undefined;
    const tags = tagsOf(profile);
    // A table of colours would go before curves and matrix.
    if ([...tags.keys()].some((name) => /^[AB]2[AB]/.test(name))) return undefined;
    const columns = ['rXYZ', 'gXYZ', 'bXYZ'].map((name) => pointOf(tags.get(name)));
    const curves = ['rTRC', 'gTRC', 'bTRC'].map((name) => curveOf(tags.get(name)));
    return shaperOf(columns, curves);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Bodies of tags by their names. Throws a RangeError where the profile is cut off, as all that follows does. */
function tagsOf(profile: Buffer): ReadonlyMap<string, Buffer> {
  const tags = new Map<string, Buffer>();
  for (let at = 132; at < 132 + 12 * profile.readUInt32BE(128); at += 12) {
    const start = profile.readUInt32BE(at + 4);
    tags.set(profile.toString('latin1', at, at + 4), profile.subarray(start, start + profile.readUInt32BE(at + 8)));
  }
  return tags;
}

function bodyOf(tag: Buffer | undefined, type: string): Buffer {
  if (tag?.toString('latin1', 0, 4) !== type) throw new RangeError(`a tag is no ${type}`);
  return tag;
}

function pointOf(tag: Buffer | undefined): readonly number[] {
  const body = bodyOf(tag, 'XYZ ');
  return [8, 12, 16].map((at) => body.readInt32BE(at));
}

type Curve = (value: number) => number;

/** A power with or without a straight beginning, or a table. */
function curveOf(tag: Buffer | undefined): Curve {
  if (tag?.toString('latin1', 0, 4) === 'para') return parametric(tag);
  const body = bodyOf(tag, 'curv');
  const count = body.readUInt32BE(8);
  if (count === 0) return (value) => value;
  if (count === 1) {
    const power = body.readUInt16BE(12) / 256;
    return (value) => value ** power;
  }
  body.readUInt16BE(12 + 2 * (count - 1));
  return (value) => tableAt(body, count, word(value)) / 65_535;
}

/** ICC.1, table 68: the numbers of the types that are in use. */
const PARAMETERS: ReadonlyMap<number, string> = new Map([
  [0, 'g'],
  [3, 'gabcd'],
  [4, 'gabcdef'],
]);

function parametric(body: Buffer): Curve {
  const names = PARAMETERS.get(body.readUInt16BE(8));
  if (!names) throw new RangeError('a curve of another type');
  const number = (name: string, otherwise = 0) =>
    names.includes(name) ? body.readInt32BE(12 + 4 * names.indexOf(name)) / 65_536 : otherwise;
  const [power, scale, offset, slope] = [number('g'), number('a', 1), number('b'), number('c')];
  const [joint, above, below] = [number('d'), number('e'), number('f')];
  return (value) => (value >= joint ? (scale * value + offset) ** power + above : slope * value + below);
}

/** Between two entries of 16 bits, by 16 bits of the place. */
function tableAt(body: Buffer, count: number, value: number): number {
  const entry = (i: number) => body.readUInt16BE(12 + 2 * Math.min(count - 1, i));
  const exact = value * (count - 1);
  const place = exact + Math.floor((exact + 0x7fff) / 0xffff);
  const [from, part] = [Math.floor(place / 65_536), place % 65_536];
  return entry(from) + Math.floor(((entry(from + 1) - entry(from)) * part + 0x8000) / 65_536);
}

/** 0 … 1 to 16 bits. */
function word(value: number): number {
  return Math.min(65_535, Math.max(0, Math.floor(value * 65_535 + 0.5)));
}

function fixed(value: number): number {
  return Math.floor(value * ONE + 0.5);
}

function shaperOf(columns: readonly (readonly number[])[], curves: readonly Curve[]): MatrixShaper | undefined {
  const toSrgb = inverse(SRGB.columns);
  const factors = columns.map((column) => toSrgb.map((row) => fixed(dot(row, column))));
  // Sums of three must fit in 32 bits.
  if (factors.flat().some((factor) => Math.abs(factor) > 2.5 * ONE)) return undefined;
  const sums = new Int32Array(3 * 256 * 4);
  for (const [channel, curve] of curves.entries()) {
    for (let value = 0; value < 256; value++) {
      const light = fixed(Math.fround(curve(Math.fround(value / 255))));
      if (!(light >= 0 && light <= ONE)) return undefined;
      const half = channel === 0 ? ONE / 2 : 0;
      sums.set(factors[channel]?.map((factor) => factor * light + half) ?? [], (channel * 256 + value) * 4);
    }
  }
  return { sums, curve: srgbCurve() };
}

/** Linear light to 8 bits of sRGB, by way of 16. */
function srgbCurve(): Uint8Array {
  const { power, scale, offset, slope } = SRGB.curve;
  const joint = (SRGB.joint * scale + offset) ** power;
  return Uint8Array.from({ length: ONE + 1 }, (_, i) => {
    const light = i / ONE;
    const value = light >= joint ? (light ** (1 / power) - offset) / scale : light / slope;
    return Math.floor((word(Math.min(1, Math.max(0, Math.fround(value)))) * 65_281 + 8_388_608) / 16_777_216);
  });
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

function cross(a: readonly number[], b: readonly number[]): readonly number[] {
  const [x = 0, y = 0, z = 0] = a;
  const [u = 0, v = 0, w = 0] = b;
  return [y * w - z * v, z * u - x * w, x * v - y * u];
}

/** Rows of the inverse of a matrix of three columns, by Cramer's rule. */
function inverse([a = [], b = [], c = []]: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const determinant = dot(a, cross(b, c));
  return [cross(b, c), cross(c, a), cross(a, b)].map((row) => row.map((value) => value / determinant));
}
