/** Scans of baseline JPEG files (ITU-T T.81): from bytes to planes of samples, row of minimum coded units by row of them. */
import { spreadAcross, spreadBoth, spreadDown, toRgb } from './colour';
import { buildTable, difference, lastPlace, readBlock, TABLE_BYTES } from './huffman';
import {
  BLOCK_BYTES,
  buildQuantization,
  flatBlock,
  inverseDct,
  MOST,
  placesInBlock,
  QUANTIZATION_BYTES,
} from './inverse-dct';

const quantizations: usize = memory.data(4 * QUANTIZATION_BYTES, 16);
const dcTables: usize = memory.data(4 * TABLE_BYTES, 16);
const acTables: usize = memory.data(4 * TABLE_BYTES, 16);
const block: usize = memory.data(BLOCK_BYTES, 16);

/** Of each component, int32: where its plane is, bytes of a row, blocks across and down a unit, tables, prediction. */
const components: usize = memory.data(3 * 32, 16);
const PLANE: usize = 0;
const STRIDE: usize = 4;
const ACROSS: usize = 8;
const DOWN: usize = 12;
const QUANTIZATION: usize = 16;
const DC: usize = 20;
const AC: usize = 24;
const PREDICTION: usize = 28;

let count: i32 = 0;
let unitsAcross: i32 = 0;
let interval: i32 = 0;
let untilRestart: i32 = 0;
let restarts: i32 = 0;
/** What is still to be read of the file, and where its bytes lie backwards. */
let source: usize = 0;
let sourceEnd: usize = 0;
let top: usize = 0;
let bitsHere: i32 = 0;
let at: i32 = 0;

/** Table number `which` from its 64 bytes. */
export function setQuantization(which: i32, from: usize): void {
  buildQuantization(from, quantizations + which * QUANTIZATION_BYTES);
}

/** Table number `which` from its counts and symbols; false where they are no code. */
export function setHuffman(which: i32, dc: bool, from: usize, symbols: i32): bool {
  return buildTable(from, symbols, dc, (dc ? dcTables : acTables) + which * TABLE_BYTES);
}

/** Component `which`: a plane of rows of `stride` bytes, and the numbers of its tables. */
export function setComponent(
  which: i32,
  plane: i32,
  stride: i32,
  across: i32,
  down: i32,
  quantization: i32,
  dc: i32,
  ac: i32,
): void {
  const component = components + (which << 5);
  store<i32>(component, plane, PLANE);
  store<i32>(component, stride, STRIDE);
  store<i32>(component, across, ACROSS);
  store<i32>(component, down, DOWN);
  store<i32>(component, <i32>quantizations + quantization * QUANTIZATION_BYTES, QUANTIZATION);
  store<i32>(component, <i32>dcTables + dc * TABLE_BYTES, DC);
  store<i32>(component, <i32>acTables + ac * TABLE_BYTES, AC);
}

/**
 * @param from the scan's first byte, behind its header
 * @param backwards end of room for the bytes of the longest interval, and 512 bytes more
 */
export function startScan(
  from: usize,
  end: usize,
  backwards: usize,
  componentCount: i32,
  across: i32,
  every: i32,
): void {
  source = from;
  sourceEnd = end;
  top = backwards;
  count = componentCount;
  unitsAcross = across;
  interval = every;
  restarts = 0;
  for (let i: usize = 0; i < 128; i += 16) v128.store(block + i, i64x2.splat(0));
  startInterval();
}

/** Lays the bytes up to the next marker backwards, without what was stuffed in. */
function startInterval(): void {
  let from = source;
  let to = top;
  while (from < sourceEnd) {
    if (from + 16 <= sourceEnd) {
      const bytes = v128.load(from);
      if (!v128.any_true(i8x16.eq(bytes, i8x16.splat(-1)))) {
        to -= 16;
        v128.store(to, v128.shuffle<i8>(bytes, bytes, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
        from += 16;
        continue;
      }
    }
    // Up to a byte of ones with the zero that is stuffed behind it, or to a marker.
    let byte = load<u8>(from);
    while (byte !== 0xff) {
      store<u8>(--to, byte);
      if (++from === sourceEnd) break;
      byte = load<u8>(from);
    }
    if (byte !== 0xff) break;
    if (from + 1 >= sourceEnd || load<u8>(from + 1) !== 0) break;
    store<u8>(--to, byte);
    from += 2;
  }
  source = from;
  bitsHere = (<i32>(top - to)) << 3;
  // No table has a code of zeros that is longer than this, and what was left by others is no matter then.
  memory.fill(to - 512, 0, 512);
  at = 0;
  untilRestart = interval;
  for (let i = 0; i < count; i++) store<i32>(components + (i << 5), 0, PREDICTION);
}

/** Whether all bits of the interval were read, but those that fill its last byte. */
function intervalEnds(): bool {
  return at <= bitsHere && bitsHere - at < 8;
}

function restart(): bool {
  if (!intervalEnds() || source + 2 > sourceEnd) return false;
  if (load<u8>(source) !== 0xff || load<u8>(source + 1) !== <u8>(0xd0 + (restarts & 7))) return false;
  restarts++;
  source += 2;
  startInterval();
  return true;
}

/** Reads one row of units; false where something is wrong. */
function readUnits(row: i32): bool {
  for (let unit = 0; unit < unitsAcross; unit++) {
    if (interval > 0) {
      if (untilRestart === 0 && !restart()) return false;
      untilRestart--;
    }
    for (let i = 0; i < count; i++) {
      const component = components + (i << 5);
      const stride = load<i32>(component, STRIDE);
      const across = load<i32>(component, ACROSS);
      const down = load<i32>(component, DOWN);
      let line = <usize>(load<i32>(component, PLANE) + row * down * 8 * stride + unit * across * 8);
      for (let y = 0; y < down; y++) {
        for (let x = 0; x < across; x++) {
          if (!readSamples(component, line + (x << 3), stride)) return false;
        }
        line += stride << 3;
      }
    }
  }
  return true;
}

function readSamples(component: usize, to: usize, stride: i32): bool {
  const quantization = <usize>load<i32>(component, QUANTIZATION);
  at = readBlock(block, placesInBlock, load<i32>(component, DC), load<i32>(component, AC), top, at);
  // Bits beyond the end are zeros; a block cannot go further than there is room for them.
  if (at < 0 || at > bitsHere) return false;
  const first = load<i32>(component, PREDICTION) + difference;
  store<i32>(component, first, PREDICTION);
  const mean = first * <i32>load<i16>(quantization);
  if (abs(mean) > MOST) return false;
  if (lastPlace === 0) {
    flatBlock(mean, to, stride);
    return true;
  }
  store<i16>(block, <i16>first);
  const fine = inverseDct(block, quantization, to, stride);
  for (let i: usize = 0; i < 128; i += 16) v128.store(block + i, i64x2.splat(0));
  return fine;
}

/** Whether the scan ends as it should, and so does the image. */
function scanEnds(): bool {
  return intervalEnds() && source + 2 <= sourceEnd && load<u8>(source) === 0xff && load<u8>(source + 1) === 0xd9;
}

/**
 * Reads the scan that was started to pixels of as many samples as it has components, [height, width, components], rows without gaps.
 * @param unitsDown rows of units; planes of components at full height have room for one, the others for all and for one row more
 * @param spare room for two rows of samples
 * @returns false where something is wrong with it
 */
export function readJpeg(unitsDown: i32, width: i32, height: i32, spare: usize, to: usize): bool {
  const across = load<i32>(components, ACROSS);
  const down = load<i32>(components, DOWN);
  let done = 0;
  for (let row = 0; row < unitsDown; row++) {
    // Chrominance at half the height is mixed with the row of units below.
    if (!readUnits(down === 1 ? 0 : row)) return false;
    if (across > 1) repeatEdges(down === 1 ? 0 : row, (width + 1) >> 1);
    const ready = row === unitsDown - 1 ? height : (row + 1) * 8 * down - (down - 1);
    const first = down === 1 ? row * 8 : 0;
    for (; done < ready; done++) {
      const out = to + <usize>(done * width * count);
      if (count === 1) memory.copy(out, sampleRow(0, done - first), width);
      else writeRow(done - first, width, height, spare, out);
    }
  }
  return scanEnds();
}

function sampleRow(component: i32, row: i32): usize {
  const record = components + (component << 5);
  return <usize>(load<i32>(record, PLANE) + row * load<i32>(record, STRIDE));
}

/** Puts the first sample of each row of chrominance before it, and the last one behind it. */
function repeatEdges(row: i32, samples: i32): void {
  for (let component = 1; component < 3; component++) {
    for (let y = row * 8; y < row * 8 + 8; y++) {
      const line = sampleRow(component, y);
      store<u8>(line - 1, load<u8>(line));
      store<u8>(line + samples, load<u8>(line + samples - 1));
    }
  }
}

/** Row `y` of the planes as pixels. */
function writeRow(y: i32, width: i32, height: i32, spare: usize, to: usize): void {
  const across = load<i32>(components, ACROSS);
  const down = load<i32>(components, DOWN);
  const samples = across > 1 ? (width + 1) >> 1 : width;
  let blue = sampleRow(1, y);
  let red = sampleRow(2, y);
  if (across > 1 || down > 1) {
    const room = (width + 63) & ~15;
    if (down === 1) {
      spreadAcross(blue, spare, samples);
      spreadAcross(red, spare + room, samples);
    } else {
      const near = y >> 1;
      const far = min(max(near + ((y & 1) << 1) - 1, 0), ((height + 1) >> 1) - 1);
      spread(sampleRow(1, near), sampleRow(1, far), spare, samples, across, y & 1);
      spread(sampleRow(2, near), sampleRow(2, far), spare + room, samples, across, y & 1);
    }
    blue = spare;
    red = spare + room;
  }
  toRgb(sampleRow(0, y), blue, red, to, width);
}

function spread(near: usize, far: usize, to: usize, samples: i32, across: i32, lower: i32): void {
  if (across > 1) spreadBoth(near, far, to, samples);
  else spreadDown(near, far, to, samples, 1 + lower);
}
