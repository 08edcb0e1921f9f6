/**
 * Messages on a byte stream: structured values whose typed arrays travel beside them, so that large ones are neither serialized nor
 * joined from pieces. A frame is: bytes of the value (uint32), number of arrays (uint32), length of each array in bytes (uint32
 * each), the value as V8 serializes it with arrays replaced by their number, and the arrays. Both ends are the same machine.
 */
import { Deserializer, Serializer } from 'node:v8';

const KINDS = [Float32Array, Int32Array, Uint32Array, Uint8Array] as const;
type Numbers = InstanceType<(typeof KINDS)[number]>;

class FrameSerializer extends Serializer {
  readonly arrays: Uint8Array[] = [];

  constructor() {
    super();
    // Node declares neither this method of V8's nor the hook below.
    callMethod(this, '_setTreatArrayBufferViewsAsHostObjects', true);
  }

  _writeHostObject(value: object): void {
    const kind = KINDS.findIndex((type) => value instanceof type);
    if (!ArrayBuffer.isView(value) || kind < 0) throw new Error(`an engine is sent no ${value.constructor.name}`);
    this.writeUint32(kind);
    this.writeUint32(this.arrays.length);
    this.arrays.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
}

class FrameDeserializer extends Deserializer {
  readonly #arrays: readonly ArrayBuffer[];

  constructor(bytes: Uint8Array, arrays: readonly ArrayBuffer[]) {
    super(bytes);
    this.#arrays = arrays;
  }

  _readHostObject(): Numbers {
    const kind = KINDS[this.readUint32()];
    const buffer = this.#arrays[this.readUint32()];
    if (!kind || !buffer) throw new Error('a frame refers to an array that it does not hold');
    return new kind(buffer);
  }
}

function callMethod(target: object, name: string, argument: unknown): void {
  const method: unknown = Reflect.get(target, name);
  if (typeof method === 'function') Reflect.apply(method, target, [argument]);
}

/** The pieces of a frame, to be written one after another. Arrays are not copied: they must stay as they are until written. */
export function frame(value: unknown): readonly Uint8Array[] {
  const serializer = new FrameSerializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  const body = serializer.releaseBuffer();
  const { arrays } = serializer;
  const head = Uint32Array.of(body.length, arrays.length, ...arrays.map(({ byteLength }) => byteLength));
  return [new Uint8Array(head.buffer), body, ...arrays.filter(({ byteLength }) => byteLength > 0)];
}

/** Takes a stream apart into frames. Every array is put straight into memory of its own. */
export class FrameReader {
  readonly #onValue: (value: unknown) => void;
  /** What is being filled: the head's two numbers, the arrays' lengths, then the value and the arrays. */
  #parts: ArrayBuffer[] = [new ArrayBuffer(8)];
  #stage: 'head' | 'lengths' | 'content' = 'head';
  #bodyLength = 0;
  #part = 0;
  #filled = 0;

  constructor(onValue: (value: unknown) => void) {
    this.#onValue = onValue;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const part = this.#parts[this.#part];
      if (!part) throw new Error('unreachable: a frame is read past its end');
      const taken = Math.min(part.byteLength - this.#filled, chunk.length - at);
      new Uint8Array(part, this.#filled, taken).set(chunk.subarray(at, at + taken));
      at += taken;
      this.#filled += taken;
      this.#skipFull();
    }
  }

  /** Goes on behind parts that are full, or that are empty from the first. */
  #skipFull(): void {
    while (this.#filled === this.#parts[this.#part]?.byteLength) {
      this.#filled = 0;
      if (++this.#part === this.#parts.length) this.#advance();
    }
  }

  #advance(): void {
    const [first = new ArrayBuffer(0), ...rest] = this.#parts;
    this.#part = 0;
    if (this.#stage === 'head') {
      const [bodyLength = 0, arrays = 0] = new Uint32Array(first);
      this.#bodyLength = bodyLength;
      this.#stage = arrays === 0 ? 'content' : 'lengths';
      this.#parts = [new ArrayBuffer(arrays === 0 ? bodyLength : arrays * 4)];
    } else if (this.#stage === 'lengths') {
      this.#stage = 'content';
      this.#parts = [this.#bodyLength, ...new Uint32Array(first)].map((length) => new ArrayBuffer(length));
    } else {
      this.#stage = 'head';
      this.#parts = [new ArrayBuffer(8)];
      const deserializer = new FrameDeserializer(new Uint8Array(first), rest);
      deserializer.readHeader();
      this.#onValue(deserializer.readValue());
    }
  }
}
