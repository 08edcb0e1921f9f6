/** The built-in networks, by name. */
import type { Architecture } from './architecture.ts';
import { mobilenetV1 } from './mobilenet-v1.ts';
import { vgg16, vgg19, vggMini } from './vgg.ts';

export const architectures: readonly Architecture[] = [vgg16, vgg19, mobilenetV1, vggMini];

export function findArchitecture(name: string): Architecture | undefined {
  return architectures.find((architecture) => architecture.name === name);
}
