import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of real data that lies beside the checkout on some machines, or undefined where it is missing. */
export function sharedPath(path: string): string | undefined {
  const full = fileURLToPath(new URL(`../../shared/${path}`, import.meta.url));
  return existsSync(full) ? full : undefined;
}
