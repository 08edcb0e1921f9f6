import * as tf from '@tensorflow/tfjs-core';
import { TRACE, TraceBackend } from './trace-backend.ts';

/** The one trace backend of this thread. */
export const trace = new TraceBackend();

type Inputs = Readonly<Record<string, tf.TensorInfo>>;

/** Attributes of a kernel, read with their type checked. */
export class Attributes {
  readonly #values: Readonly<Record<string, unknown>>;
  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  number(name: string, otherwise?: number): number {
    const value = this.#values[name] ?? otherwise;
    return typeof value === 'number' ? value : wrong(name, value);
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string {
    const value = this.#values[name];
    return typeof value === 'string' ? value : wrong(name, value);
  }

  /** A list of integers; one integer counts as a list of it. */
  integers(name: string): number[] {
    const value = this.#values[name];
    if (typeof value === 'number') return [value];
    return Array.isArray(value) && value.every((item) => typeof item === 'number')
      ? value.map(Number)
      : wrong(name, value);
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  pairs(name: string): readonly (readonly [number, number])[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map((pair: readonly [number, number]) => pair) : wrong(name, value);
  }

  /** `same`, `valid`, or explicit padding that our programs do not use. */
  padding(name: string): 'same' | 'valid' {
    const value = this.#values[name];
    return value === 'same' || value === 'valid' ? value : wrong(name, value);
  }

  spatial(name: string): [number, number] {
    const [height = 1, width = height] = this.integers(name);
    return [height, width];
  }

  dtype(name: string): tf.DataType {
    const value = this.#values[name];
    return value === 'int32' || value === 'bool' ? value : 'float32';
  }
}

function wrong(name: string, value: unknown): never {
  throw new Error(`kernel attribute ${name} is ${JSON.stringify(value)}`);
}

/** Registers how a kernel is recorded. */
export function record(
  kernelName: string,
  recordNodes: (inputs: Inputs, attributes: Attributes) => tf.TensorInfo,
): void {
  tf.registerKernel({
    kernelName,
    backendName: TRACE,
    kernelFunc: ({ inputs, attrs }) => {
      const given: Record<string, tf.TensorInfo> = {};
      for (const [name, input] of Object.entries(inputs)) {
        if (input && !Array.isArray(input)) given[name] = input;
      }
      return recordNodes(given, new Attributes(attrs ?? {}));
    },
  });
}

/** An input that the kernel cannot do without. */
export function need(inputs: Inputs, name: string): tf.TensorInfo {
  const input = inputs[name];
  if (!input) throw new Error(`a kernel was called without its input ${name}`);
  return input;
}
