/** Huffman codes of a JPEG scan (ITU-T T.81, annexes C and F): tables for looking up, and the coefficients of one block. */

/** A code of at most so many bits, with the bits behind it, is found by one look. */
const LOOK: i32 = 11;
/** Bytes of a table: what LOOK bits mean, then by length the first code that is too large, what to add to a code, and the symbols. */
export const TABLE_BYTES: i32 = (4 << LOOK) + 18 * 4 + 18 * 4 + 256;
const TOO_LARGE: i32 = 4 << LOOK;
const TO_PLACE: i32 = TOO_LARGE + 18 * 4;
const SYMBOLS: i32 = TO_PLACE + 18 * 4;

/*
 * An entry of a lookup: bits 0–5 the length of code and value, 8–12 how many places further the value lies, 16–31 the value.
 * SPECIAL is set where that is not all: at the end of a block (END), where the code is longer than a look (UNKNOWN), and where the value does
 * not fit in a look: then bits 0–5 are the code's length alone, and 16–19 the value's.
 */
const LENGTH: i32 = 63;
const SPECIAL: i32 = 64;
const END: i32 = 128;
const UNKNOWN: i32 = 1 << 13;

/**
 * Makes a table of the 16 counts and the symbols at `from`.
 * @returns whether they are a code
 */
export function buildTable(from: usize, symbols: i32, dc: bool, table: usize): bool {
  memory.fill(table, 0, TABLE_BYTES);
  for (let look = 0; look < 1 << LOOK; look++) store<i32>(table + (look << 2), SPECIAL | UNKNOWN);
  memory.copy(table + SYMBOLS, from + 16, symbols);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= 16; length++) {
    const count = <i32>load<u8>(from + length - 1);
    store<i32>(table + TO_PLACE + (length << 2), place - code);
    for (let i = 0; i < count; i++) {
      if (length <= LOOK) fill(table, code, length, <i32>load<u8>(from + 16 + place), dc);
      code++;
      place++;
    }
    // A code of ones alone is not allowed, nor more codes than there are.
    if (count > 0 && code > (1 << length) - 1) return false;
    store<i32>(table + TOO_LARGE + (length << 2), code << (16 - length));
    code <<= 1;
  }
  store<i32>(table + TOO_LARGE + (17 << 2), 1 << 16);
  for (let i = 0; i < symbols; i++) {
    const symbol = <i32>load<u8>(from + 16 + i);
    if (dc ? symbol > 11 : (symbol & 15) > 10 || ((symbol & 15) === 0 && symbol !== 0 && symbol !== 0xf0)) return false;
  }
  return true;
}

/** Every look that begins with a code. */
function fill(table: usize, code: i32, length: i32, symbol: i32, dc: bool): void {
  const rest = LOOK - length;
  const size = symbol & 15;
  const whole = size <= rest && (dc || symbol !== 0);
  for (let more = 0; more < 1 << rest; more++) {
    const look = (code << rest) | more;
    const entry = whole
      ? (length + size) | (steps(symbol, dc) << 8) | (signed(more >> (rest - size), size) << 16)
      : specialEntry(symbol, length, dc);
    store<i32>(table + (look << 2), entry);
  }
}

function specialEntry(symbol: i32, length: i32, dc: bool): i32 {
  return length | SPECIAL | (!dc && symbol === 0 ? END : 0) | (steps(symbol, dc) << 8) | ((symbol & 15) << 16);
}

function steps(symbol: i32, dc: bool): i32 {
  return dc ? 0 : (symbol >> 4) + 1;
}

/** Table F.1: the upper half of a size's values is positive. */
function signed(bits: i32, size: i32): i32 {
  return size > 0 && bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
}

/** The entry of a code that is longer than a look, with its value to follow; 0 where there is no such code. */
function longCode(table: usize, window: u64, dc: bool): i32 {
  const bits = <i32>(window >> 48);
  let length = LOOK + 1;
  while (bits >= load<i32>(table + TOO_LARGE + (length << 2))) length++;
  if (length > 16) return 0;
  const place = (bits >> (16 - length)) + load<i32>(table + TO_PLACE + (length << 2));
  return specialEntry(<i32>load<u8>(table + SYMBOLS + (place & 255)), length, dc);
}

/** The value that follows a code. */
function followingValue(entry: i32, window: u64): i32 {
  const size = (entry >> 16) & 15;
  return size === 0 ? 0 : signed(<i32>((window << (entry & LENGTH)) >> (64 - size)), size);
}

/** The last difference that was read, and the last place in the block that may be other than zero. */
export let difference: i32 = 0;
export let lastPlace: i32 = 0;

/** A window of 64 bits holds at least 57 that are new: so many looks, or one code of 16 bits with its value and two looks. */
const LOOKS: i32 = 5;
const LOOKS_BEHIND_FIRST: i32 = 2;

/**
 * Reads the coefficients of a block, but for the first one, which is a difference, to where `places` says for each.
 * @param top the scan's bytes lie backwards below it: the bits from any place on are one little-endian load
 * @param at the first bit
 * @returns the first bit behind the block, or −1 where it is no block
 */
export function readBlock(block: usize, places: usize, dc: usize, ac: usize, top: usize, at: i32): i32 {
  let window: u64 = load<u64>(top - 8 - <usize>(at >> 3)) << (at & 7);
  let entry = load<i32>(dc + <usize>((window >> (64 - LOOK)) << 2));
  let value = entry >> 16;
  let length = entry & LENGTH;
  if ((entry & SPECIAL) !== 0) {
    if ((entry & UNKNOWN) !== 0) entry = longCode(dc, window, true);
    if (entry === 0) return -1;
    value = followingValue(entry, window);
    length = (entry & LENGTH) + (entry >> 16);
  }
  at += length;
  window <<= length;
  difference = value;
  let place = 0;
  let looks = LOOKS_BEHIND_FIRST;
  while (place < 63) {
    if (looks === 0) {
      window = load<u64>(top - 8 - <usize>(at >> 3)) << (at & 7);
      looks = LOOKS;
    }
    const found: u64 = load<u32>(ac + <usize>((window >> (64 - LOOK)) << 2));
    entry = <i32>found;
    looks--;
    if ((entry & SPECIAL) !== 0) {
      if ((entry & END) === 0) {
        window = load<u64>(top - 8 - <usize>(at >> 3)) << (at & 7);
        if ((entry & UNKNOWN) !== 0) entry = longCode(ac, window, false);
        if (entry === 0) return -1;
      }
      length = entry & LENGTH;
      if ((entry & END) !== 0) {
        at += length;
        break;
      }
      value = followingValue(entry, window);
      length += entry >> 16;
      window <<= length;
      looks = LOOKS_BEHIND_FIRST;
    } else {
      // A shift takes the lowest six bits of what it is told, which are the length.
      window <<= found;
      length = entry & LENGTH;
      value = entry >> 16;
    }
    at += length;
    place += (entry >> 8) & 31;
    store<i16>(block + <usize>load<u8>(places + place), <i16>value);
  }
  lastPlace = place;
  return place > 63 ? -1 : at;
}
