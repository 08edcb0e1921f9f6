/** The engines `tfjs-node` and `tfjs-node-gpu`: light to import, their library is loaded in a child process. */
import { type Diagnostic, problem, warning } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { workerPath } from '../../files/package-root.ts';
import type { Device, Engine, EngineAdapter, EngineOptions } from '../engine.ts';
import { EngineFault } from '../engine-fault.ts';
import { gpuTrouble } from '../gpu-trouble.ts';
import { ChildLine } from '../remote/child-line.ts';
import { LineDown } from '../remote/line.ts';
import type { Introduction } from '../remote/protocol.ts';
import { RemoteEngine } from '../remote/remote-engine.ts';
import { type Binding, bindingStamp, type EagerId, findBinding, loadProblem } from './binding.ts';

/** Node's first version without the functions that tfjs-node calls. */
const FIRST_WITHOUT = 23;

export function eagerAdapter(id: EagerId): EngineAdapter {
  return {
    id,
    stamp() {
      const binding = findBinding(id);
      return binding && `${bindingStamp(binding)} node ${process.versions.modules}`;
    },
    async probe() {
      const binding = findBinding(id);
      if (!binding)
        return {
          usable: false,
          reason: `@tensorflow/${id} is not installed; \`pipe engines install ${id}\` builds it`,
        };
      const { folder: place } = binding;
      const connected = await connect(id, binding, { threads: 1 });
      if (!connected.ok)
        return {
          usable: false,
          version: binding.version,
          place,
          reason: connected.error.message,
          notes: [connected.error],
        };
      const { line, introduction, notes } = connected.value;
      await line.end();
      const { version, device } = introduction;
      return {
        usable: true,
        version: `${binding.version} (${version})`,
        device,
        place,
        notes,
        reason:
          id === 'tfjs-node-gpu' && device === 'cpu'
            ? `runs on the CPU: ${notes.find(({ code }) => code === 'E007')?.message ?? 'no GPU'}`
            : binding.installedBy === 'pipe'
              ? 'installed by `pipe engines install`'
              : 'installed by npm',
      };
    },
    async open(options) {
      const binding = findBinding(id);
      if (!binding)
        return err(
          problem('E001', `the engine ${id} is not usable: @tensorflow/${id} is not installed`, {
            help: `run \`pipe engines install ${id}\`, or run without --engine; \`pipe engines list\` shows all`,
          }),
        );
      return open(id, binding, options);
    },
  };
}

async function open(id: EagerId, binding: Binding, options: EngineOptions): Promise<Result<Engine, Diagnostic>> {
  const connected = await connect(id, binding, options);
  if (!connected.ok) return connected;
  const { line, introduction, notes } = connected.value;
  const { version, device } = introduction;
  const warn = options.warn ?? (() => {});
  if (options.device !== undefined && options.device !== device) {
    await line.end();
    return err(deviceRefused(id, device, options.device, notes));
  }
  for (const note of notes) warn(note);
  return ok(
    new RemoteEngine(line, {
      producer: { engine: id, version: `${binding.version} (${version})`, device },
      options: { threads: options.threads, device },
      warn,
      said: () => line.said,
    }),
  );
}

/** A device that was asked for is had, or the engine is not. */
function deviceRefused(id: EagerId, device: Device, wanted: Device, notes: readonly Diagnostic[]): Diagnostic {
  const why = notes.find(({ code }) => code === 'E007');
  return problem('E007', `the engine ${id} runs on ${device} here, not on ${wanted}${why ? `: ${why.message}` : ''}`, {
    help: `${why?.help ? `${why.help}; ` : ''}--device ${device} computes there`,
  });
}

/** Whether a package that is not in its place yet can be loaded, and computes. */
export async function loads(id: EagerId, folder: string): Promise<Result<Introduction, Diagnostic>> {
  const connected = await connect(id, { folder, version: '', installedBy: 'pipe' }, { threads: 1 });
  if (!connected.ok) return connected;
  await connected.value.line.end();
  return ok(connected.value.introduction);
}

interface Connected {
  readonly line: ChildLine;
  readonly introduction: Introduction;
  readonly notes: readonly Diagnostic[];
}

async function connect(id: EagerId, binding: Binding, options: EngineOptions): Promise<Result<Connected, Diagnostic>> {
  const line = new ChildLine({
    path: workerPath('eager'),
    arguments: [binding.folder],
    environment: settings(id, options.threads, options.device),
  });
  try {
    const introduction = await line.ask('introduce', { do: 'introduce', device: options.device });
    const notes: Diagnostic[] = [];
    if (id === 'tfjs-node-gpu' && introduction.device === 'cpu' && options.device !== 'cpu')
      notes.push(gpuTrouble(line.said, 'pipe engines install tfjs-node-gpu'));
    if (Number(process.versions.node.split('.')[0]) >= FIRST_WITHOUT)
      notes.push(
        warning(
          'E006',
          `${id} calls functions that Node took out in version ${FIRST_WITHOUT}: pipe puts them back in its process`,
          {
            help: 'use Node 20 or 22 should it break down',
          },
        ),
      );
    return ok({ line, introduction, notes });
  } catch (error) {
    await line.end();
    if (error instanceof EngineFault) return err(error.diagnostic);
    const message = error instanceof Error ? error.message : String(error);
    // Where the loader ends the process, its last words say why.
    const last = error instanceof LineDown ? `${message}: ${line.said.trim().split('\n').at(-1) ?? ''}` : message;
    return err(loadProblem(id, binding, last));
  }
}

/** TensorFlow reads its settings from the environment, when it is loaded. What the user has set there stays. */
function settings(id: EagerId, threads: number, device: Device | undefined): Record<string, string> {
  const wanted = {
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: String(threads),
    ...(id === 'tfjs-node'
      ? { TF_CPP_MIN_LOG_LEVEL: '2' }
      : {
          // Warnings tell why there is no GPU.
          TF_CPP_MIN_LOG_LEVEL: '0',
          // Other processes use the card too.
          TF_FORCE_GPU_ALLOW_GROWTH: 'true',
          TF_CUDNN_DETERMINISTIC: '1',
          // float32 means float32, not the ten bits of TF32.
          NVIDIA_TF32_OVERRIDE: '0',
        }),
  };
  const free = Object.entries(wanted).filter(([name]) => process.env[name] === undefined);
  return {
    ...Object.fromEntries(free),
    ...(id === 'tfjs-node-gpu' && device === 'cpu' && { CUDA_VISIBLE_DEVICES: '-1' }),
  };
}
