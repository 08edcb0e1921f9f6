/**
 * Optimizer updates in place, compiled from their formulas to a WebAssembly loop over four numbers at a time (SIMD). The arrays of a
 * weight (itself, its gradient, its slots) lie in one WebAssembly memory that ONNX Runtime reads and writes directly.
 */
import type { Expression, Statement } from '../../networks/update-formula.ts';
import type { UpdateRule } from '../../networks/updates.ts';

/** Compiled rule: the order of arrays and scalars is that of `arrays` and the rule's `scalarNames`. */
export interface CompiledUpdate {
  readonly module: WebAssembly.Module;
  /** `w`, `g`, then the slots. */
  readonly arrays: readonly string[];
}

// Binary codes of the WebAssembly core specification (2.0), section "Binary format".
const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;
const SIMD = 0xfd;
const OP = { splat: 0x13, add: 0xe4, sub: 0xe5, mul: 0xe6, div: 0xe7, max: 0xe9, abs: 0xe0, sqrt: 0xe3 };
const BINARY = { '+': OP.add, '-': OP.sub, '*': OP.mul, '/': OP.div, max: OP.max } as const;

export function compileUpdate(rule: UpdateRule): CompiledUpdate {
  const arrays = ['w', 'g', ...Object.keys(rule.slots)];
  return { module: new WebAssembly.Module(moduleBytes(arrays, rule)), arrays };
}

/** update(pointer of each array, bytes, each scalar): the only export. */
function moduleBytes(arrays: readonly string[], { statements, scalarNames }: UpdateRule): Uint8Array<ArrayBuffer> {
  const parameters = [...arrays.map(() => I32), I32, ...scalarNames.map(() => F32)];
  const sections = [
    section(1, [1, 0x60, ...vector(parameters), 0]),
    section(2, [1, ...text('pipe'), ...text('memory'), 2, 0, 1]),
    section(3, [1, 0]),
    section(7, [1, ...text('update'), 0, 0]),
    section(10, [1, ...sized(body(arrays, scalarNames, statements))]),
  ];
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
}

function body(
  arrays: readonly string[],
  scalarNames: readonly string[],
  statements: readonly Statement[],
): readonly number[] {
  const parameterCount = arrays.length + 1 + scalarNames.length;
  const bytesParameter = arrays.length;
  const offset = parameterCount;
  const variables = [...new Set([...arrays, ...scalarNames, ...statements.map(({ target }) => target)])];
  const local = (name: string) => parameterCount + 1 + variables.indexOf(name);
  const get = (index: number) => [0x20, ...unsigned(index)];
  const set = (index: number) => [0x21, ...unsigned(index)];
  const simd = (code: number) => [SIMD, ...unsigned(code)];
  const address = (array: string) => [...get(arrays.indexOf(array)), ...get(offset), 0x6a];
  const compile = (expression: Expression): readonly number[] => {
    switch (expression.op) {
      case 'name':
        return get(local(expression.name));
      case 'number':
        return [0x43, ...float(expression.value), ...simd(OP.splat)];
      case 'sqrt':
      case 'abs':
        return [...compile(expression.operand), ...simd(OP[expression.op])];
      default:
        return [...compile(expression.left), ...compile(expression.right), ...simd(BINARY[expression.op])];
    }
  };
  const changed = arrays.filter((array) => statements.some(({ target }) => target === array));
  return [
    ...[2, 1, I32, ...unsigned(variables.length), V128],
    ...scalarNames.flatMap((name, i) => [...get(arrays.length + 1 + i), ...simd(OP.splat), ...set(local(name))]),
    ...[0x03, 0x40],
    ...arrays.flatMap((array) => [...address(array), ...simd(0x00), 4, 0, ...set(local(array))]),
    ...statements.flatMap(({ target, value }) => [...compile(value), ...set(local(target))]),
    ...changed.flatMap((array) => [...address(array), ...get(local(array)), ...simd(0x0b), 4, 0]),
    // offset += 16; again while offset < bytes
    ...[...get(offset), 0x41, 16, 0x6a, 0x22, ...unsigned(offset)],
    ...[...get(bytesParameter), 0x49, 0x0d, 0, 0x0b],
    0x0b,
  ];
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...sized(content)];
}

function sized(content: readonly number[]): readonly number[] {
  return [...unsigned(content.length), ...content];
}

function vector(items: readonly number[]): readonly number[] {
  return [...unsigned(items.length), ...items];
}

function text(value: string): readonly number[] {
  return vector([...new TextEncoder().encode(value)]);
}

function float(value: number): readonly number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** LEB128. */
function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

const PAGE = 65_536;

/** The arrays of one weight in a memory of their own. */
export class WeightMemory {
  readonly length: number;
  readonly #arrays: readonly string[];
  readonly #buffer: ArrayBuffer;
  readonly #stride: number;
  readonly #update: (...values: number[]) => void;

  constructor(compiled: CompiledUpdate, length: number) {
    this.length = length;
    this.#arrays = compiled.arrays;
    this.#stride = Math.max(16, Math.ceil(length / 4) * 16);
    const memory = new WebAssembly.Memory({ initial: Math.ceil((this.#stride * compiled.arrays.length) / PAGE) });
    const { update } = new WebAssembly.Instance(compiled.module, { pipe: { memory } }).exports;
    if (typeof update !== 'function') throw new Error('the update module exports no function');
    this.#update = (...values) => {
      update(...values);
    };
    this.#buffer = memory.buffer;
  }

  /** The numbers of `w`, `g` or a slot; ONNX Runtime may work on them in place. */
  array(name: string): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#buffer, this.#arrays.indexOf(name) * this.#stride, this.length);
  }

  update(scalars: readonly number[]): void {
    this.#update(...this.#arrays.map((_, i) => i * this.#stride), this.#stride, ...scalars);
  }
}
