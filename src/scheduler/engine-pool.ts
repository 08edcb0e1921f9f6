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

/** Stages that run at the same time. */
export interface EngineGroup {
  readonly key: string;
  /** Whether a step of theirs keeps no more than one core busy. */
  readonly light: boolean;
}

interface SharedEngine {
  readonly engine: Promise<Result<Engine, Diagnostic>>;
  users: number;
}

export class EnginePool {
  readonly #choice: EngineChoice;
  readonly #threads: number;
  readonly #warn: (diagnostic: Diagnostic) => void;
  readonly #idle: Engine[] = [];
  readonly #open: Engine[] = [];
  /** Engines that several stages use at the same time, by the key of their group. */
  readonly #shared = new Map<string, SharedEngine[]>();

  /**
   * What engines warn of is told once a run, whichever of them it comes from.
   * Every engine has all cores, also beside others: ONNX Runtime's last bits follow the number of threads, and must not follow `--jobs`.
   */
  constructor(choice: EngineChoice, warn: (diagnostic: Diagnostic) => void) {
    this.#choice = choice;
    this.#threads = availableParallelism();
    const told = new Set<string>();
    this.#warn = (diagnostic) => {
      const words = `${diagnostic.code} ${diagnostic.message}`;
      if (!told.has(words)) warn(diagnostic);
      told.add(words);
    };
  }

  /** An engine of a group of stages: taken once for all of them, or where their steps are light one a core, members spread evenly. */
  takeShared({ key, light }: EngineGroup): Promise<Result<Engine, Diagnostic>> {
    const shared = this.#shared.get(key) ?? [];
    this.#shared.set(key, shared);
    const least = shared.reduce<SharedEngine | undefined>((a, b) => (a && a.users <= b.users ? a : b), undefined);
    if (least && (least.users === 0 || shared.length >= (light ? this.#threads : 1))) {
      least.users++;
      return least.engine;
    }
    const engine = this.take();
    shared.push({ engine, users: 1 });
    return engine;
  }

  async giveBackShared({ key }: EngineGroup, engine: Engine): Promise<void> {
    const shared = this.#shared.get(key) ?? [];
    for (const one of shared) {
      const taken = await one.engine;
      if (!taken.ok || taken.value !== engine || --one.users > 0) continue;
      shared.splice(shared.indexOf(one), 1);
      this.giveBack(engine);
      return;
    }
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
