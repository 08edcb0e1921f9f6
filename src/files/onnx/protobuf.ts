/** Just enough of the protobuf wire format to read ONNX files of anybody's, and to write a field. */

/** Bytes that are no protobuf message. */
export class Malformed extends Error {}

/** One field of a message; `raw` are its bytes with the tag, for copying it as it is. */
export interface Field {
  readonly number: number;
  /** The value of a varint, the bits of a fixed one are in `bytes`. Beyond 2^53 it is rounded: good enough to be refused. */
  readonly value: number;
  /** Content of a length-delimited or fixed field. */
  readonly bytes: Uint8Array;
  readonly raw: Uint8Array;
}

const NONE: Uint8Array = new Uint8Array(0);

/** The fields of a message in order. @throws Malformed */
export function* fieldsOf(message: Uint8Array): Generator<Field, undefined> {
  let at = 0;
  while (at < message.length) {
    const start = at;
    const tag = varint(message, at);
    at = tag.end;
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    if (number < 1 || number > 536_870_911) throw new Malformed(`field number ${number}`);
    let value = 0;
    let bytes: Uint8Array = NONE;
    if (wire === 0) {
      const read = varint(message, at);
      value = read.value;
      at = read.end;
    } else {
      let length = wire === 1 ? 8 : 4;
      if (wire === 2) {
        const read = varint(message, at);
        length = read.value;
        at = read.end;
      } else if (wire !== 1 && wire !== 5) throw new Malformed(`wire type ${wire}`);
      if (length < 0 || length > message.length - at) throw new Malformed('a field reaches beyond the end');
      bytes = message.subarray(at, at + length);
      at += length;
    }
    yield { number, value, bytes, raw: message.subarray(start, at) };
  }
}

/** A base-128 number of at most ten bytes, two's complement in 64 bits. */
function varint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  // The complement is summed beside it: small negative numbers would be lost in the rounding of 2^64 − n.
  let complement = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) throw new Malformed('ends within a number');
    const digit = i === 9 ? byte & 1 : byte & 0x7f;
    value += digit * 2 ** (7 * i);
    complement += ((i === 9 ? 1 : 0x7f) - digit) * 2 ** (7 * i);
    if (byte < 0x80) return { value: i === 9 && digit === 1 ? -complement - 1 : value, end: start + i + 1 };
  }
  throw new Malformed('a number of more than ten bytes');
}

/** The numbers of a repeated integer field: packed, or one. */
export function integersOf(field: Field): readonly number[] {
  if (!isPacked(field)) return [field.value];
  const values: number[] = [];
  for (let at = 0; at < field.bytes.length; ) {
    const read = varint(field.bytes, at);
    values.push(read.value);
    at = read.end;
  }
  return values;
}

function isPacked(field: Field): boolean {
  return ((field.raw[0] ?? 0) & 7) === 2;
}

/** How many numbers a packed field holds, without decoding them. */
export function countIntegers(field: Field): number {
  if (!isPacked(field)) return 1;
  let count = 0;
  for (const byte of field.bytes) if (byte < 0x80) count++;
  return count;
}

const decoder = new TextDecoder();

export function textOf(field: Field): string {
  return decoder.decode(field.bytes);
}

/** A length-delimited field. */
export function writeField(number: number, content: Uint8Array | string): Uint8Array {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return Buffer.concat([Uint8Array.from(encode(number * 8 + 2)), Uint8Array.from(encode(bytes.length)), bytes]);
}

/** A varint field. */
export function writeInteger(number: number, value: number): Uint8Array {
  return Uint8Array.from([...encode(number * 8), ...encode(value)]);
}

function encode(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return bytes;
}
