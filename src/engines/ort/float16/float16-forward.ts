/** A frozen network in float16, which answers for its numbers: the first row is computed in float32 too. */
import type { ForwardProgram } from '../../engine.ts';
import { NO_FLOAT16, TOO_COARSE } from '../../float16-trouble.ts';
import type { SessionOptions } from '../../remote/protocol.ts';
import { Forward } from '../forward-session.ts';
import { tryFloat16 } from './try-float16.ts';

/** ‖float16 − float32‖ / ‖float32‖ of a row beyond which something was lost, and not only rounded: MobileNet at width 0.25 is up to 0.02 apart. */
const MOST_APART = 0.1;

export class Float16Forward {
  readonly outputShape: readonly number[];
  readonly kept: readonly string[];
  readonly #session: Forward;
  /** What opens the network in float32; undefined once the first row was compared. */
  #reference: (() => Promise<Forward>) | undefined;

  private constructor(session: Forward, reference: () => Promise<Forward>) {
    this.outputShape = session.outputShape;
    this.kept = session.kept;
    this.#session = session;
    this.#reference = reference;
  }

  /** @throws with `NO_FLOAT16` where the device has none */
  static async open(program: ForwardProgram, options: SessionOptions): Promise<Float16Forward> {
    // The CPU's kernels convert to float32 and back: tests of the graph run there.
    if (options.device !== 'cpu') {
      const refused = await tryFloat16(options.device);
      if (refused !== undefined) throw new Error(`${NO_FLOAT16}${refused}`);
    }
    const { arithmetic: _, ...whole } = program;
    return new Float16Forward(await Forward.open(program, options), () => Forward.open(whole, options));
  }

  /** @throws with `TOO_COARSE` where the numbers are not those of the network */
  async run(input: Float32Array<ArrayBuffer>, rows: number): Promise<Float32Array<ArrayBuffer>> {
    const output = await this.#session.run(input, rows);
    if (!allFinite(output)) throw new Error(`${TOO_COARSE}some of its numbers go beyond 65504`);
    if (this.#reference && rows > 0) await this.#compare(input, rows, output, this.#reference);
    return output;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #compare(
    input: Float32Array<ArrayBuffer>,
    rows: number,
    output: Float32Array,
    open: () => Promise<Forward>,
  ): Promise<void> {
    const session = await open();
    const expected = await session.run(input.slice(0, input.length / rows), 1);
    await session.close();
    const apart = distance(output.subarray(0, expected.length), expected);
    if (apart > MOST_APART) {
      const percent = (100 * apart).toFixed(1);
      throw new Error(`${TOO_COARSE}features of the first image differ by ${percent} % from those in float32`);
    }
    this.#reference = undefined;
  }
}

function allFinite(numbers: Float32Array): boolean {
  let zero = 0;
  // Infinity and NaN times 0 are NaN.
  for (let at = 0; at < numbers.length; at++) zero += (numbers[at] ?? 0) * 0;
  return zero === 0;
}

/** ‖found − expected‖ / ‖expected‖; 0 where both are zeros. */
function distance(found: Float32Array, expected: Float32Array): number {
  let [square, all] = [0, 0];
  for (let at = 0; at < expected.length; at++) {
    const number = expected[at] ?? 0;
    square += ((found[at] ?? 0) - number) ** 2;
    all += number ** 2;
  }
  return square === 0 ? 0 : Math.sqrt(square / all);
}
