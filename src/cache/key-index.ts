/** A hash table from 32-byte keys to numbers in typed arrays: some 50 bytes a key, where a Map of strings takes 150. */
const KEY_BYTES = 32;
const EMPTY = -1;

export class KeyIndex {
  #keys = new Uint8Array(64 * KEY_BYTES);
  #values = new Float64Array(64).fill(EMPTY);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  get(key: Uint8Array): number | undefined {
    const value = this.#values[this.#slot(key)];
    return value === undefined || value === EMPTY ? undefined : value;
  }

  /** Values are integers from 0. */
  set(key: Uint8Array, value: number): void {
    if ((this.#count + 1) * 4 > this.#values.length * 3) this.#grow();
    const slot = this.#slot(key);
    if (this.#values[slot] === EMPTY) {
      this.#keys.set(key.subarray(0, KEY_BYTES), slot * KEY_BYTES);
      this.#count++;
    }
    this.#values[slot] = value;
  }

  /** Open addressing cannot free a slot in the middle of a run: the entries after it are put in again. */
  delete(key: Uint8Array): void {
    let slot = this.#slot(key);
    if (this.#values[slot] === EMPTY) return;
    this.#values[slot] = EMPTY;
    this.#count--;
    for (;;) {
      slot = (slot + 1) % this.#values.length;
      const value = this.#values[slot];
      if (value === undefined || value === EMPTY) return;
      const moved = this.#keys.slice(slot * KEY_BYTES, (slot + 1) * KEY_BYTES);
      this.#values[slot] = EMPTY;
      this.#count--;
      this.set(moved, value);
    }
  }

  /** The slot of a key, or the empty one where it belongs. Keys are SHA-256 digests: their first bytes are hash enough. */
  #slot(key: Uint8Array): number {
    const capacity = this.#values.length;
    let slot = (((key[0] ?? 0) | ((key[1] ?? 0) << 8) | ((key[2] ?? 0) << 16) | ((key[3] ?? 0) << 24)) >>> 0) % capacity;
    while (this.#values[slot] !== EMPTY && !this.#equals(slot, key)) slot = (slot + 1) % capacity;
    return slot;
  }

  #equals(slot: number, key: Uint8Array): boolean {
    const at = slot * KEY_BYTES;
    for (let i = 0; i < KEY_BYTES; i++) if (this.#keys[at + i] !== key[i]) return false;
    return true;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Uint8Array(keys.length * 2);
    this.#values = new Float64Array(values.length * 2).fill(EMPTY);
    this.#count = 0;
    values.forEach((value, slot) => {
      if (value !== EMPTY) this.set(keys.subarray(slot * KEY_BYTES, (slot + 1) * KEY_BYTES), value);
    });
  }
}
