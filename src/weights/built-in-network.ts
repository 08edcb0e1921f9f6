/** The built-in networks by choice: which layers, for which images. Light: a plan needs it. */
import { join } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { packageRoot } from '../files/package-root.ts';
import type { Architecture } from '../networks/architectures/architecture.ts';
import { architectures, findArchitecture } from '../networks/architectures/index.ts';
import { cutNetwork } from '../networks/cut.ts';
import type { Network, Shape } from '../networks/network.ts';
import type { BackboneChoice, BackboneName } from './backbone-choice.ts';

export type BuiltInName = Extract<BackboneName, { type: 'built-in' }>;

/** Weights that ship with the package. */
export function shippedWeights(name: string): string {
  return join(packageRoot(), 'weights', `${name}.safetensors`);
}

export function architectureOf({ name, alpha }: BuiltInName): Result<Architecture, Diagnostic> {
  const architecture = findArchitecture(name);
  if (!architecture) {
    const names = architectures.map((known) => known.name);
    const help = [
      didYouMean(name, names),
      `built-in are ${names.join(', ')}; any other network comes as an .onnx, .h5 or .keras file`,
    ]
      .filter(Boolean)
      .join(' ');
    return err(problem('M004', `there is no backbone "${name}"`, { help }));
  }
  if (alpha !== 1 && !architecture.scalable)
    return err(problem('M005', `${name} has no option alpha`, { help: 'only mobilenet-v1 has' }));
  if (!(alpha > 0 && alpha <= 4)) return err(problem('M005', `alpha ${alpha} is not above 0 and at most 4`));
  return ok(architecture);
}

/** The layers in use, for images of a shape. */
export function networkFor(
  architecture: Architecture,
  alpha: number,
  choice: Pick<BackboneChoice, 'top' | 'layer'>,
  image: Shape,
): Result<Network, Diagnostic> {
  const [height = 0, width = 0, channels = 0] = image;
  const network = architecture.build({
    height,
    width,
    channels,
    top: choice.top,
    classes: architecture.classes,
    alpha,
  });
  return choice.layer === null ? ok(network) : cutNetwork(network, choice.layer);
}

/** What is asked of the images; a size that is too small is found when the layers are walked. */
export function checkImage(
  architecture: Architecture,
  { top, weights }: BackboneChoice,
  image: Shape,
): Result<undefined, Diagnostic> {
  const [height = 0, width = 0, channels = 0] = image;
  const { name, size } = architecture;
  if (channels !== 1 && channels !== 3)
    return err(problem('M013', `${name} takes images of 1 or 3 channels, not ${channels}`));
  if (top && weights.type !== 'random' && (height !== size || width !== size)) {
    return err(
      problem('M013', `${name} with its top takes images of ${size}×${size}, but they are ${height}×${width}`, {
        help: `set \`size: [${size}, ${size}]\` in preprocess, or \`top: false\`, which takes any size`,
      }),
    );
  }
  return ok(undefined);
}
