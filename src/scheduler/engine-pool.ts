/** Engines of a run: opened on first need, shared by the stages one after another, one a stage that runs at the same time. */
import { availableParallelism } from 'node:os';
import type { Diagnostic } from '../base/diagnostic.ts';
import { ok, type Result } from '../base/result.ts';
import type { Device, Engine, EngineId } from '../engines/engine.ts';

export interface EngineChoice {
  readonly engine: EngineId | 'auto';
  /** The best that the engine has, unless given. */
  readonly device?: Device | undefined;
}

export class EnginePool {
  readonly #choice: EngineChoice;
  readonly #threads: number;
  readonly #warn: (diagnostic: Diagnostic) => void;
  readonly #idle: Engine[] = [];
  readonly #open: Engine[] = [];
  /** Engines that several stages use at the same time, by the key of their group. */
  readonly #shared = new Map<string, { readonly engine: Promise<Result<Engine, Diagnostic>>; users: number }>();

  /** Every engine has all cores, also beside others: ONNX Runtime's last bits follow the number of threads, and must not follow `--jobs`. */
  constructor(choice: EngineChoice, warn: (diagnostic: Diagnostic) => void) {
    this.#choice = choice;
    this.#threads = availableParallelism();
    this.#warn = warn;
  }

  /** The engine of a group of stages, taken once for all of them. */
  async takeShared(group: string): Promise<Result<Engine, Diagnostic>> {
    const shared = this.#shared.get(group) ?? { engine: this.take(), users: 0 };
    this.#shared.set(group, shared);
    shared.users++;
    return shared.engine;
  }

  async giveBackShared(group: string): Promise<void> {
    const shared = this.#shared.get(group);
    if (!shared || --shared.users > 0) return;
    this.#shared.delete(group);
    const engine = await shared.engine;
    if (engine.ok) this.giveBack(engine.value);
  }

  async take(): Promise<Result<Engine, Diagnostic>> {
    const idle = this.#idle.pop();
    if (idle) return ok(idle);
    const { chooseEngine } = await import('../engines/index.ts');
    const chosen = await chooseEngine(
      this.#choice.engine,
      { threads: this.#threads, device: this.#choice.device },
      this.#warn,
    );
    if (chosen.ok) this.#open.push(chosen.value);
    return chosen;
  }

  /** An engine that broke down is not used again: the next stage gets a fresh one. */
  giveBack(engine: Engine): void {
    if (!engine.broken) this.#idle.push(engine);
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((engine) => engine.close()));
  }
}
