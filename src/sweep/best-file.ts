/** The winning values written into a copy of the pipeline file: its comments and layout stay. */
import type { Setting } from './space.ts';

/** @returns the text of the file with the settings in place and without its `sweep:` block. */
export async function bestFile(text: string, settings: readonly Setting[]): Promise<string> {
  const { isMap, isScalar, parseDocument } = await import('yaml');
  const document = parseDocument(text);
  document.delete('sweep');
  for (const { path, value } of settings) {
    const [first = '', ...rest] = path.split('.');
    const keys =
      first === 'seed' ? ['seed'] : first === 'vars' ? ['vars', ...rest] : ['stages', first, 'with', ...rest];
    // A shorthand on the way (`optimizer: adam`) gives way to the map that it stands for.
    for (let depth = 1; depth < keys.length; depth++) {
      const above = keys.slice(0, depth);
      const node = document.getIn(above, true);
      if (isMap(node) || node === undefined || node === null) continue;
      if (isScalar(node)) document.setIn(above, node.value === keys[depth] ? { [String(node.value)]: {} } : {});
    }
    document.setIn(keys, document.createNode(value, { flow: true }));
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}
