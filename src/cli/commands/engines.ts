import { failWith, type GlobalOptions, paint, print, printJson } from '../output.ts';

async function probeAll() {
  const { engineAdapters } = await import('../../engines/index.ts');
  return Promise.all(engineAdapters.map(async (adapter) => ({ adapter, id: adapter.id, ...(await adapter.probe()) })));
}

export async function list(options: GlobalOptions): Promise<number> {
  const engines = (await probeAll()).map(({ adapter: _, ...shown }) => shown);
  if (options.json) printJson(engines);
  else
    for (const { id, usable, reason, version } of engines)
      print(
        `  ${usable ? paint('green', '✓') : '·'} ${id.padEnd(14)} ${[version, reason].filter(Boolean).join('  ')}\n`,
      );
  return 0;
}

export async function test(options: GlobalOptions): Promise<number> {
  const { testEngine } = await import('../../engines/self-test.ts');
  const results = [];
  for (const { adapter, usable, reason } of await probeAll()) {
    results.push({
      id: adapter.id,
      ...(usable ? await testEngine(adapter) : { passed: false, skipped: true, detail: reason }),
    });
  }
  if (options.json) printJson(results);
  else
    for (const { id, passed, detail, ...rest } of results)
      print(
        `  ${passed ? paint('green', '✓') : 'skipped' in rest ? '·' : paint('red', '✗')} ${id.padEnd(14)} ${detail}\n`,
      );
  const failed = results.filter((result) => !result.passed && !('skipped' in result));
  if (failed.length === 0) return 0;
  return failWith(
    failed.map(({ id, detail }) => ({
      code: 'E001',
      severity: 'error',
      message: `the engine ${id} fails its self-test: ${detail}`,
    })),
    options,
  );
}
