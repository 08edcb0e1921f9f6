/** Answers of an exported model, from its file and card alone. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { parseDigest } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { fetchBackbone } from '../../stages/backbone/extraction.ts';
import { readCard } from '../../stages/export-model/card.ts';
import { ImageInputs, imageShape } from '../../stages/inputs/image-inputs.ts';
import { forwardBatch } from '../../stages/scorer.ts';
import type { StageFailure } from '../../stages/stage-kind.ts';
import { hashFile } from '../../weights/hash-file.ts';
import { resolveBackbone } from '../../weights/resolve-backbone.ts';
import type { Answering } from './answering.ts';
import type { ExportedModel } from './find-model.ts';

const RE_EXPORT = 'export it with `format: onnx`, keras-h5 or keras, and `withBackbone: true`';

export function exportedModel({ name, card: path }: ExportedModel): Result<Answering, Diagnostic> {
  const card = readCard(jsonAt(path));
  if (!card) return err(problem('S072', `${path} is no card of an exported model`, { help: RE_EXPORT }));
  const { file, format, reads, classes, pixels } = card;
  if (reads !== 'pixels')
    return err(problem('S072', `${name} is a head alone: it takes features, not images`, { help: RE_EXPORT }));
  if (format === 'tfjs')
    return err(
      problem('S072', `${name} is in the format of TensorFlow.js, which is written but not read`, { help: RE_EXPORT }),
    );
  if (!pixels || classes.length === 0 || basename(file) !== file)
    return err(
      problem('S072', `${path} does not say which file, classes and preprocessing the model has`, { help: RE_EXPORT }),
    );
  return ok({
    name,
    classes,
    async open(table, skips, asking) {
      const choice = {
        backbone: { type: 'file', file, layout: /\.onnx$/i.test(file) ? 'nhwc' : null },
        weights: { type: 'included' },
        top: true,
        layer: null,
        pooling: 'none',
      } as const;
      const where = { home: asking.home, resolvePath: (given: string) => join(dirname(path), given), digests };
      const resolved = await resolveBackbone(choice, where);
      if (!resolved.ok) return diagnosed(resolved.error);
      const shape = imageShape(pixels);
      const program = await fetchBackbone(resolved.value, shape, asking);
      if (!program.ok) return program;
      const engine = await asking.engine();
      if (!engine.ok) return diagnosed(engine.error);
      const session = await engine.value.openForward(program.value, forwardBatch(shape));
      if (!session.ok) return diagnosed(session.error);
      if (session.value.outputShape.length !== 1 || session.value.outputShape[0] !== classes.length) {
        await session.value.close();
        const message = `${file} gives [${session.value.outputShape.join(', ')}] where its card has ${classes.length} classes`;
        return diagnosed(problem('S072', message, { help: RE_EXPORT }));
      }
      return ok({
        source: new ImageInputs({ table, spec: pixels, images: asking.images('data'), skips }),
        rows: Uint32Array.from({ length: table.count }, (_, row) => row),
        session: session.value,
        close: () => session.value.close(),
      });
    },
  });
}

const digests = {
  async of(path: string) {
    try {
      return ok(parseDigest((await hashFile(path, ['sha256'])).sha256));
    } catch {
      return err(problem('D001', `no such file: ${path}`));
    }
  },
};

function jsonAt(path: string): Json {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function diagnosed(diagnostic: Diagnostic): Result<never, StageFailure> {
  return err({ reason: 'diagnostics', diagnostics: [diagnostic] });
}
