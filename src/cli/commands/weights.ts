import { escapeForTerminal } from '../../base/escape.ts';
import { sharedHome } from '../../files/project.ts';
import { showBytes, showCount } from '../../report/duration.ts';
import { failWith, type GlobalOptions, paint, print, printJson } from '../output.ts';

export async function list(options: GlobalOptions): Promise<number> {
  const { listWeights } = await import('../../weights/store.ts');
  const all = listWeights(sharedHome(process.env));
  if (options.json) printJson(all);
  else {
    for (const { name, backbone, alpha, top, bytes, path } of all) {
      const what = `${backbone}${alpha === 1 ? '' : ` alpha ${alpha}`}${top ? ' with top' : ''}`;
      print(
        `  ${path ? paint('green', '✓') : '·'} ${what.padEnd(28)} ${name}${bytes === undefined ? '' : `  ${showBytes(bytes)}`}\n`,
      );
    }
  }
  return 0;
}

export async function add(file: string, options: GlobalOptions): Promise<number> {
  const { addWeights } = await import('../../weights/store.ts');
  const added = await addWeights(sharedHome(process.env), file);
  if (!added.ok) return failWith([added.error], options);
  if (options.json) printJson({ name: added.value.file.name, path: added.value.path });
  else print(`added ${added.value.file.name} as ${added.value.path}\n`);
  return 0;
}

export async function showBackbone(name: string, options: GlobalOptions): Promise<number> {
  const { describeBackbone } = await import('../../weights/describe-backbone.ts');
  const shown = await describeBackbone(name);
  if (!shown.ok) return failWith([shown.error], options);
  const { layers, parameters, summary, input } = shown.value;
  if (options.json) {
    printJson(shown.value);
    return 0;
  }
  print(
    `${escapeForTerminal(shown.value.name)}: ${escapeForTerminal(summary)}; input [${input.join(', ')}], ${showCount(parameters)} parameters\n`,
  );
  const width = Math.max(...layers.map((layer) => layer.name.length));
  for (const layer of layers)
    print(
      `  ${escapeForTerminal(layer.name).padEnd(width)}  ${layer.type.padEnd(20)} ${layer.shape.padEnd(18)} ${layer.parameters > 0 ? showCount(layer.parameters) : ''}\n`,
    );
  return 0;
}

export async function fetch(name: string, options: GlobalOptions): Promise<number> {
  const { fetchWeights } = await import('../../weights/obtain.ts');
  let toldAt = 0;
  const fetched = await fetchWeights(name, {
    home: sharedHome(process.env),
    offline: options.offline ?? false,
    environment: process.env,
    progress(done, total) {
      if (options.json || options.quiet || performance.now() - toldAt < 1000) return;
      toldAt = performance.now();
      print(`  ${showBytes(done)}${total === undefined ? '' : ` of ${showBytes(total)}`}\n`);
    },
  });
  if (!fetched.ok) return failWith([fetched.error], options);
  if (options.json) printJson({ name, path: fetched.value });
  else print(`  ${fetched.value}\n`);
  return 0;
}
