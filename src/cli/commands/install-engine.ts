import { availableParallelism } from 'node:os';
import { problem } from '../../base/diagnostic.ts';
import { didYouMean } from '../../base/did-you-mean.ts';
import type { Installable } from '../../engines/install/install-engine.ts';
import { failWith, type GlobalOptions, print, printJson } from '../output.ts';

export async function install(given: string, options: GlobalOptions): Promise<number> {
  const { installEngine } = await import('../../engines/install/install-engine.ts');
  const what = await known(given, options);
  if (what === undefined) return 2;
  if (options.offline)
    return failWith(
      [problem('E005', `${what} cannot be installed offline`, { help: 'run without --offline' })],
      options,
    );
  const quiet = options.json || options.quiet;
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const installed = await installEngine(what, {
    force: options['force'] === true,
    signal: stop.signal,
    say: (line) => quiet || print(`  ${line}\n`),
  });
  if (stop.signal.aborted) return 130;
  if (!installed.ok) return failWith([installed.error], options);
  const { place, built } = installed.value;
  const tested = built && what !== 'cuda' ? await testInstalled(what) : undefined;
  if (options.json) printJson({ installed: what, place, built, ...(tested && { test: tested }) });
  else {
    print(built ? `installed ${what} in ${place}\n` : `${what} is there already: ${place}\n`);
    if (tested) print(`  ${tested.detail}\n`);
  }
  return tested && !tested.passed ? 6 : 0;
}

export async function remove(given: string, options: GlobalOptions): Promise<number> {
  const { removeEngine } = await import('../../engines/install/install-engine.ts');
  const what = await known(given, options);
  if (what === undefined) return 2;
  const removed = removeEngine(what);
  if (options.json) printJson({ removed: removed ? what : null });
  else print(removed ? `removed ${what}\n` : `${what} was not installed by pipe\n`);
  return 0;
}

async function known(given: string, options: GlobalOptions): Promise<Installable | undefined> {
  const { INSTALLABLE } = await import('../../engines/install/install-engine.ts');
  const what = INSTALLABLE.find((name) => name === given);
  if (what === undefined) {
    const near = didYouMean(given, INSTALLABLE);
    const help = `${near ? `${near}; ` : ''}there are: ${INSTALLABLE.join(', ')}`;
    failWith([problem('U001', `nothing called "${given}" can be installed`, { help })], options);
  }
  return what;
}

/** So that `auto` knows of it. ONNX Runtime is measured too, where it has not been. */
async function testInstalled(what: 'tfjs-node' | 'tfjs-node-gpu') {
  const { engineAdapters } = await import('../../engines/index.ts');
  const { readMeasured } = await import('../../engines/measured.ts');
  const { testEngine } = await import('../../engines/self-test.ts');
  const settings = { threads: availableParallelism(), bench: false };
  const ort = engineAdapters.find(({ id }) => id === 'ort');
  if (ort && !readMeasured().some(({ engine }) => engine === 'ort')) await testEngine(ort, settings);
  const adapter = engineAdapters.find(({ id }) => id === what);
  return adapter && testEngine(adapter, settings);
}
