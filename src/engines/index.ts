/** The engines by id, light to import: what is heavy is loaded by `probe` and `open`. */
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Result } from '../base/result.ts';
import { openChosen } from './choose-engine.ts';
import { eagerAdapter } from './eager/eager-adapter.ts';
import type { Engine, EngineAdapter, EngineId, EngineOptions } from './engine.ts';
import { ortAdapter } from './ort/ort-adapter.ts';

export const engineAdapters: readonly EngineAdapter[] = [
  ortAdapter,
  eagerAdapter('tfjs-node-gpu'),
  eagerAdapter('tfjs-node'),
];

/** Opens the engine asked for, or the fastest usable one for `auto`. */
export function chooseEngine(
  wanted: EngineId | 'auto',
  options: EngineOptions,
  warn: (diagnostic: Diagnostic) => void,
): Promise<Result<Engine, Diagnostic>> {
  return openChosen(engineAdapters, wanted, options, warn);
}
