/** The frozen network whose features a model reads, found again by what was recorded with them. */
import { existsSync } from 'node:fs';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { parseDigest } from '../../base/digest.ts';
import { canonicalJson, type JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Precision } from '../../engines/engine.ts';
import type { FileDigests } from '../../files/file-digests.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { type BackboneChoice, showBackbone } from '../../weights/backbone-choice.ts';
import { hashFile } from '../../weights/hash-file.ts';
import { type ResolveBackboneContext, type ResolvedBackbone, resolveBackbone } from '../../weights/resolve-backbone.ts';
import type { ModelArtifact } from '../artifacts.ts';
import { type Calibration, calibrationFromJson } from './calibration.ts';

/** What a model looks at: images as these pixels, through this network where it reads features. */
export interface ModelSight {
  readonly pixels: SettledPixels;
  readonly backbone: ResolvedBackbone | undefined;
  /** How the network computes the features. */
  readonly precision: Precision;
  /** Of int8 features. */
  readonly calibration?: Calibration | undefined;
}

/** @param where paths of model files start where `resolvePath` says */
export async function sightOf(
  { reads }: Pick<ModelArtifact, 'reads'>,
  where: Omit<ResolveBackboneContext, 'digests'> & { readonly digests?: FileDigests },
): Promise<Result<ModelSight, Diagnostic>> {
  if (reads.type === 'images') {
    const { normalize } = reads.pixels;
    if (normalize === 'backbone') throw new Error('a model of images without a normalization');
    return ok({
      pixels: { ...reads.pixels, normalize, augment: null, onBadImage: 'skip' },
      backbone: undefined,
      precision: 'float32',
    });
  }
  const recorded = recordedIn(reads.source);
  const unknown = problem('S070', 'the features that the model reads do not say how they were made', {
    help: 'only features of an extract-features stage lead back to images; export the head alone with `withBackbone: false`',
  });
  if (!recorded) return err(unknown);
  const { digests = plainDigests } = where;
  const resolved = await resolveBackbone(recorded.choice, { ...where, digests });
  if (!resolved.ok) return resolved;
  if (canonicalJson(resolved.value.identity) !== canonicalJson(recorded.identity)) {
    return err(
      problem(
        'S070',
        `${showBackbone(recorded.choice.backbone)} is no longer the network that the model was trained on`,
        {
          help: 'put the old weights file back, or run the pipeline again',
        },
      ),
    );
  }
  const { pixels, precision } = recorded;
  const calibration = calibrationFromJson(reads.source['calibration']);
  if (precision === 'int8' && !calibration) {
    const message = 'the features that the model reads were quantised by another version of pipe';
    return err(problem('S070', message, { help: 'run the pipeline again' }));
  }
  return ok({ pixels, backbone: resolved.value, precision, calibration });
}

interface Recorded {
  readonly pixels: SettledPixels;
  readonly identity: JsonObject;
  readonly choice: BackboneChoice;
  readonly precision: Precision;
}

/** The source of features of ours; it comes out of a cache entry whose digest was checked, so it is what we wrote. */
function recordedIn(source: JsonObject): Recorded | undefined {
  const { pixels, backbone, choice, precision = 'float32' } = source;
  if (pixels === undefined || backbone === undefined || choice === undefined) return undefined;
  const recorded: Recorded = JSON.parse(JSON.stringify({ pixels, identity: backbone, choice, precision }));
  return { ...recorded, pixels: { ...recorded.pixels, augment: null, onBadImage: 'skip' } };
}

const plainDigests: FileDigests = {
  async of(path) {
    if (!existsSync(path)) return err(problem('D001', `no such file: ${path}`));
    return ok(parseDigest((await hashFile(path, ['sha256'])).sha256));
  },
};
