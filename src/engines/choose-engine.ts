/** Which engine a run gets. */
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Device, Engine, EngineAdapter, EngineId, EngineOptions } from './engine.ts';
import { type Measured, readMeasured } from './measured.ts';

/** Another engine than the default must be so much faster: results should not change hands over a few per cent. */
const WORTH_CHANGING = 1.25;

export interface Pick {
  readonly engine: EngineId;
  readonly device: Device | undefined;
  /** Why not the default; undefined where it is. */
  readonly why?: string;
}

/** The engine that `auto` takes: the fastest by the self-tests stored here, ONNX Runtime where there are none. */
export function pickEngine(
  adapters: readonly EngineAdapter[],
  device: Device | undefined,
  measured: readonly Measured[] = readMeasured(),
): Pick {
  const stamps = new Map<string, string | undefined>(adapters.map(({ id, stamp }) => [id, stamp()]));
  const usable = measured.filter(
    (one) =>
      one.passed &&
      one.gflops !== undefined &&
      stamps.get(one.engine) === one.stamp &&
      (device === undefined || one.device === device),
  );
  const byDefault: Pick = { engine: 'ort', device };
  const own = usable.find(({ engine, device: on }) => engine === 'ort' && on === (device ?? 'cpu'));
  const fastest = [...usable].sort((a, b) => (b.gflops ?? 0) - (a.gflops ?? 0))[0];
  if (!fastest?.gflops || !own?.gflops || fastest.gflops < own.gflops * WORTH_CHANGING) return byDefault;
  const speed = (one: Measured) => `${Math.round(one.gflops ?? 0)} GFLOP/s`;
  return {
    engine: fastest.engine,
    device: fastest.device,
    why: `${speed(fastest)} in its self-test here, against ${speed(own)} of ort on ${own.device}`,
  };
}

/** Opens the engine asked for, or for `auto` the one that `pickEngine` says, with ONNX Runtime behind it. */
export async function openChosen(
  adapters: readonly EngineAdapter[],
  wanted: EngineId | 'auto',
  options: EngineOptions,
  warn: (diagnostic: Diagnostic) => void,
): Promise<Result<Engine, Diagnostic>> {
  const adapterOf = (id: EngineId) => adapters.find((candidate) => candidate.id === id);
  if (wanted !== 'auto') {
    const adapter = adapterOf(wanted);
    if (adapter) return adapter.open({ ...options, warn });
    const help = `engines: ${adapters.map(({ id }) => id).join(', ')}`;
    return err(problem('E001', `there is no engine ${wanted}`, { help }));
  }
  const pick = pickEngine(adapters, options.device);
  const ort = adapterOf('ort');
  if (!ort) throw new Error('the engine table lacks its default');
  const openDefault = () => ort.open({ ...options, warn });
  const adapter = adapterOf(pick.engine);
  if (!pick.why || !adapter) return openDefault();
  const opened = await adapter.open({ ...options, device: pick.device, warn });
  const name = `${pick.engine} on ${pick.device}`;
  if (!opened.ok || opened.value.producer.device !== pick.device) {
    if (opened.ok) await opened.value.close();
    const reason = opened.ok ? `it runs on ${opened.value.producer.device} now` : opened.error.message;
    warn(
      warning('E009', `ort is taken instead of ${name}, which would be faster (${pick.why}): ${reason}`, {
        help: 'see `pipe engines list`; `pipe engines test` measures again',
      }),
    );
    return openDefault();
  }
  warn(
    warning('E009', `auto takes ${name}: ${pick.why}`, {
      help: '--engine ort takes the default; numbers of both agree to 1e-4',
    }),
  );
  return ok(pick.engine === 'ort' ? opened.value : new WithDefault(opened.value, openDefault, warn));
}

/** An engine that leaves what it cannot run, somebody's model file, to the default. */
class WithDefault implements Engine {
  readonly #engine: Engine;
  readonly #openDefault: () => Promise<Result<Engine, Diagnostic>>;
  readonly #warn: (diagnostic: Diagnostic) => void;
  #default: Promise<Result<Engine, Diagnostic>> | undefined;

  constructor(
    engine: Engine,
    openDefault: () => Promise<Result<Engine, Diagnostic>>,
    warn: (diagnostic: Diagnostic) => void,
  ) {
    this.#engine = engine;
    this.#openDefault = openDefault;
    this.#warn = warn;
  }

  get producer() {
    return this.#engine.producer;
  }

  get broken() {
    return this.#engine.broken;
  }

  openTraining: Engine['openTraining'] = (program) => this.#engine.openTraining(program);

  openForward: Engine['openForward'] = async (program, batch) => {
    if (program.kind !== 'onnx') return this.#engine.openForward(program, batch);
    if (!this.#default)
      this.#warn(warning('E009', `a model file runs on ort: ${this.producer.engine} cannot run ONNX files`));
    this.#default ??= this.#openDefault();
    const opened = await this.#default;
    if (!opened.ok) return opened;
    const session = await opened.value.openForward(program, batch);
    return session.ok ? ok({ ...session.value, producer: opened.value.producer }) : session;
  };

  async close(): Promise<void> {
    await this.#engine.close();
    const opened = await this.#default;
    if (opened?.ok) await opened.value.close();
  }
}
