import { availableParallelism } from 'node:os';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Device, EngineAdapter, Probe } from '../../engines/engine.ts';
import type { Int8Speed } from '../../engines/measured.ts';
import { flatDiagnostic } from '../../report/json-lines.ts';
import { failWith, type GlobalOptions, paint, print, printJson } from '../output.ts';

interface Probed extends Probe {
  readonly adapter: EngineAdapter;
}

async function probeAll(): Promise<readonly Probed[]> {
  const { engineAdapters } = await import('../../engines/index.ts');
  return Promise.all(engineAdapters.map(async (adapter) => ({ adapter, ...(await adapter.probe()) })));
}

export async function list(options: GlobalOptions): Promise<number> {
  const { pickEngine } = await import('../../engines/choose-engine.ts');
  const { readMeasured } = await import('../../engines/measured.ts');
  const probed = await probeAll();
  const measured = readMeasured();
  const engines = probed.map(({ adapter, notes = [], ...shown }) => ({
    id: adapter.id,
    ...shown,
    notes,
    measured: measured.filter(({ engine, stamp }) => engine === adapter.id && stamp === adapter.stamp()),
  }));
  const auto = pickEngine(
    probed.map(({ adapter }) => adapter),
    undefined,
    measured,
  );
  if (options.json) {
    printJson(
      engines.map((engine) => ({
        ...engine,
        notes: engine.notes.map(flatDiagnostic),
        auto: engine.id === auto.engine,
      })),
    );
    return 0;
  }
  for (const { id, usable, reason, version, device, place, devices = [], notes, measured: speeds } of engines) {
    const speed = speeds.find((one) => one.device === device)?.gflops;
    line(usable, id, [version, device, speed && rate(speed), reason], place);
    // What the reason says already is not said again.
    for (const { message } of notes.filter((note) => !reason.includes(note.message))) print(`      ${message}\n`);
    for (const other of devices) {
      const there = speeds.find((one) => one.device === other.device)?.gflops;
      line(other.usable, `  ${other.device}`, [there && rate(there), other.reason]);
    }
  }
  const why = auto.why ?? (measured.length === 0 ? 'the default; `pipe engines test` measures' : 'nothing is faster');
  print(`  auto takes ${auto.engine}${auto.device ? ` on ${auto.device}` : ''}: ${why}\n`);
  return 0;
}

function rate(gflops: number): string {
  return `${gflops < 10 ? gflops.toPrecision(2) : gflops.toFixed(0)} GFLOP/s`;
}

function line(usable: boolean, name: string, parts: readonly (string | number | undefined)[], place?: string): void {
  const text = parts.filter(Boolean).join(', ');
  print(`  ${usable ? paint('green', '✓') : '·'} ${name.padEnd(14)} ${text}${place ? ` (${place})` : ''}\n`);
}

/** Every usable engine, on each of its devices. */
export async function test(options: GlobalOptions, { bench }: { readonly bench: boolean }): Promise<number> {
  const { testEngine } = await import('../../engines/self-test.ts');
  const threads = availableParallelism();
  const results = [];
  for (const { adapter, usable, reason, device, devices = [] } of await probeAll()) {
    const tried: readonly (Device | undefined)[] = [
      device,
      ...devices.filter((other) => other.usable).map((other) => other.device),
    ];
    for (const [i, on] of usable ? tried.entries() : []) {
      const result = { id: adapter.id, device: on, ...(await testEngine(adapter, { device: on, threads, bench })) };
      // A further device that cannot be opened is not there; one that gives wrong numbers is broken.
      const shown = i > 0 && !result.producer ? { ...result, skipped: true } : result;
      results.push(shown);
      if (!options.json) printResult(shown);
    }
    if (usable) continue;
    const skipped = { id: adapter.id, passed: false, skipped: true, detail: reason };
    results.push(skipped);
    if (!options.json) printResult(skipped);
  }
  if (options.json) printJson(results);
  const failed = results.filter((result) => !result.passed && !('skipped' in result));
  if (failed.length === 0) return 0;
  const diagnostics = failed.map(
    ({ id, detail }): Diagnostic => problem('E001', `the engine ${id} fails its self-test: ${detail}`),
  );
  return failWith(diagnostics, { ...options, json: false });
}

interface Result {
  readonly id: string;
  readonly device?: Device | undefined;
  readonly passed: boolean;
  readonly detail: string;
  readonly skipped?: boolean;
  readonly speed?: { readonly gflops: number; readonly imagesPerSecond: number };
  readonly headStepMs?: number;
  readonly int8?: Readonly<Record<string, Int8Speed>>;
}

function printResult({ id, device, passed, detail, skipped, speed, headStepMs, int8 }: Result): void {
  const mark = passed ? paint('green', '✓') : skipped ? '·' : paint('red', '✗');
  const figures = [
    speed && rate(speed.gflops),
    headStepMs !== undefined && speed && `VGG16 at 224×224 ${speed.imagesPerSecond.toFixed(1)} images/s`,
    headStepMs !== undefined && `head ${headStepMs.toFixed(1)} ms a step`,
  ].filter(Boolean);
  const name = device === undefined || device === 'cpu' ? id : `${id} ${device}`;
  print(`  ${mark} ${name.padEnd(14)} ${detail}${figures.length > 0 ? `; ${figures.join(', ')}` : ''}\n`);
  if (!int8) return;
  const factors = Object.entries(int8).map(
    ([network, speeds]) => `${network} ${(speeds.int8 / speeds.float32).toFixed(1)} ×`,
  );
  print(`    ${'int8'.padEnd(14)} as fast as float32: ${factors.join(', ')}\n`);
}
