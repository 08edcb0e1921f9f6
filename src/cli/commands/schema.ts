import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../files/package-root.ts';
import { print } from '../output.ts';

export async function schema(): Promise<number> {
  print(readFileSync(join(packageRoot(), 'schemas', 'pipeline.schema.json'), 'utf8'));
  return 0;
}
