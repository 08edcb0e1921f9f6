/** What an engine says of a network that is to compute otherwise than in float32. */
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import type { Arithmetic, Producer } from './engine.ts';
import { withoutFloat16 } from './float16-trouble.ts';

/** Why an engine does not compute so, or undefined. A device of an engine that does may still lack it. */
export function arithmeticRefused({ kind }: Arithmetic, producer: Producer): Diagnostic | undefined {
  const { engine, device } = producer;
  if (kind === 'float16') return engine === 'ort' && device !== 'cpu' ? undefined : withoutFloat16(producer);
  if (engine === 'ort' && device === 'cpu') return undefined;
  return problem('E010', `the engine ${engine} on ${device} does not compute in int8`, {
    help: 'run with --engine ort --device cpu, or leave `precision` out',
  });
}

/** Told once a session. */
export function staysInFloat(operators: readonly string[], { kind }: Arithmetic): Diagnostic {
  const are = operators.length === 1 ? 'is' : 'are';
  const how = kind === 'float16' ? 'not computed in float16' : 'not quantised';
  return warning('E011', `${operators.join(', ')} ${are} ${how}: computed in float32`, {
    help: 'the result is right, but not as fast as it could be; `precision: float32` may be as fast',
  });
}
