/** A graph made to compute otherwise than in float32. */
import type { Arithmetic } from '../../engine.ts';
import { float16Graph } from '../float16/float16-graph.ts';
import type { OnnxGraph } from '../onnx-writer.ts';
import { CALIBRATION, calibrationGraph, rangesOf } from './calibration-graph.ts';
import { foldConstants } from './fold-constants.ts';
import { fuseAffine } from './fuse-affine.ts';
import { quantizeGraph, type WeightForm } from './quantize-graph.ts';

export interface Prepared {
  readonly graph: OnnxGraph;
  /** The output that is wanted of it, where it is not the graph's own. */
  readonly output?: string;
  readonly width?: number;
  /** How many of the last numbers of a row are means: of a calibration. */
  readonly means?: number;
  /** Operators that stay in float32 though they cost something there. */
  readonly kept: readonly string[];
}

export function prepareArithmetic(graph: OnnxGraph, arithmetic: Arithmetic, form: WeightForm): Prepared {
  const fused = fuseAffine(foldConstants(graph));
  if (arithmetic.kind === 'float16') return float16Graph(fused);
  if (arithmetic.kind === 'calibration') {
    const { graph: calibrating, values, means } = calibrationGraph(fused);
    return { graph: calibrating, output: CALIBRATION, width: 2 * values.length + means, means, kept: [] };
  }
  return quantizeGraph(fused, rangesOf(fused, arithmetic.ranges), form);
}
