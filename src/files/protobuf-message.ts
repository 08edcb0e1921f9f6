/** Writes the protobuf wire format, nothing more than a field at a time. */

/** A message being written: parts are kept by reference and joined once, so that weights are copied once. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  integer(field: number, value: number): this {
    return this.#key(field, 0).#append(varint(BigInt(value)));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#key(field, 5).#append(bytes);
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this.#key(field, 1).#append(bytes);
  }

  text(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value));
  }

  raw(field: number, value: Uint8Array): this {
    return this.#key(field, 2)
      .#append(varint(BigInt(value.length)))
      .#append(value);
  }

  /** A field with its key, as it was read. */
  copied(field: Uint8Array): this {
    return this.#append(field);
  }

  message(field: number, value: Message): this {
    this.#key(field, 2).#append(varint(BigInt(value.#length)));
    for (const part of value.#parts) this.#append(part);
    return this;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #key(field: number, wireType: number): this {
    return this.#append(varint(BigInt(field * 8 + wireType)));
  }

  #append(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }
}

/** Base 128, least significant first; negative numbers as 64-bit two's complement. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.of(...bytes, Number(rest));
}
