/** What goes wrong with float16 in an engine's own thread or process, which can only say it in words. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Producer } from './engine.ts';

/** The device's driver has no float16; the library's words follow. */
export const NO_FLOAT16 = 'no float16: ';
/** A network's numbers do not fit into float16; what was seen follows. */
export const TOO_COARSE = 'too coarse: ';

/** What a message with those words means; undefined where it has none of them. */
export function float16Trouble(message: string, producer: Producer): Diagnostic | undefined {
  if (message.startsWith(NO_FLOAT16)) return withoutFloat16(producer, message.slice(NO_FLOAT16.length));
  if (!message.startsWith(TOO_COARSE)) return undefined;
  return problem('E012', `the network cannot be computed in float16: ${message.slice(TOO_COARSE.length)}`, {
    help: 'leave `precision` out; its numbers leave what sixteen bits can tell apart or hold',
  });
}

/** @param why in the library's words, where it is not for want of code */
export function withoutFloat16({ engine, device }: Producer, why?: string): Diagnostic {
  const reason = why === undefined ? '' : `: ${why}`;
  return problem('E010', `the engine ${engine} on ${device} does not compute in float16${reason}`, {
    help: 'leave `precision` out, run with --engine ort on a GPU that has float16 (--device cuda or webgpu), or take `int8` on a CPU; `store: float16` halves the space that features take',
  });
}
