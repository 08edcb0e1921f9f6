import { GraphBuilder } from '../../src/engines/ort/graph-builder.ts';
import { writeModel } from '../../src/engines/ort/onnx-writer.ts';
import type { EngineRig } from './engine-rig.ts';

/** Writes a model file with an operator, Softsign, that is never quantised. @returns the arguments of a run that uses it */
export function writeSmallModel(rig: EngineRig, ...more: readonly string[]): readonly string[] {
  const graph = new GraphBuilder();
  graph.input('image', [-1, 3, 16, 16], 'float32');
  const filter = (out: number, channels: number) =>
    graph.constant(
      Float32Array.from({ length: out * channels }, (_, i) => Math.sin(i + 1)),
      [out, channels, 1, 1],
      'float32',
    );
  const first = graph.node('Conv', ['image', filter(6, 3)], { kernel_shape: [1, 1] });
  const soft = graph.node('Softsign', [first]);
  const second = graph.node('Conv', [soft, filter(8, 6)], { kernel_shape: [1, 1] });
  const y = graph.node('GlobalAveragePool', [second]);
  const model = writeModel(graph.finish([{ name: y, shape: [-1, 8, 1, 1], type: 'float32' }], false));
  rig.cli.write('pipelines/small.onnx', model);
  const settings = [
    'features.backbone=small.onnx',
    'images.size=16',
    'images.channels=rgb',
    'images.normalize=unit',
    'head.epochs=1',
    'beside.epochs=1',
  ];
  return ['run', 'quickstart', '--json', ...settings.flatMap((setting) => ['--set', setting]), ...more];
}
