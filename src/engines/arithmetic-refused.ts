/** What an engine says of a network that is to compute otherwise than in float32. */
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import type { Arithmetic, Producer } from './engine.ts';

/** Why an engine does not compute so, or undefined. */
export function arithmeticRefused({ kind }: Arithmetic, { engine, device }: Producer): Diagnostic | undefined {
  if (kind === 'float16')
    return problem('E010', `the engine ${engine} on ${device} does not compute in float16`, {
      help: 'leave `precision` out, or take `int8`; `store: float16` halves the space that features take',
    });
  if (engine === 'ort' && device === 'cpu') return undefined;
  return problem('E010', `the engine ${engine} on ${device} does not compute in int8`, {
    help: 'run with --engine ort --device cpu, or leave `precision` out',
  });
}

/** Told once a session. */
export function staysInFloat(operators: readonly string[]): Diagnostic {
  return warning(
    'E011',
    `${operators.join(', ')} ${operators.length === 1 ? 'is' : 'are'} not quantised: computed in float32`,
    {
      help: 'the result is right, but not as fast as it could be; `precision: float32` may be as fast',
    },
  );
}
