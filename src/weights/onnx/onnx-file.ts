/** Somebody's ONNX file as a backbone: checked, described, cut at a layer. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type Node, type OnnxModel, type OpenShape, parseModel, type ValueInfo } from '../../files/onnx/model.ts';
import { Malformed, writeField, writeInteger } from '../../files/onnx/protobuf.ts';
import { noSuchLayer } from '../../networks/cut.ts';
import type { Shape } from '../../networks/network.ts';
import { labelOf, refusalOf } from './checks.ts';
import { inferShapes } from './shapes.ts';

export type Layout = 'nhwc' | 'nchw';

export interface OnnxInput {
  readonly name: string;
  /** Undefined where the extents do not tell. */
  readonly layout: Layout | undefined;
  /** `null` where the file leaves it open. */
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: number | null;
  /** Whether the file insists on one image at a time. */
  readonly single: boolean;
}

export interface OnnxFile {
  readonly model: OnnxModel;
  readonly input: OnnxInput;
  readonly bytes: Uint8Array;
}

export interface OnnxLayer {
  /** The node's name, or its output's where it has none. */
  readonly name: string;
  readonly operator: string;
  readonly output: string;
  /** Without the batch, in the model's own layout; undefined where it does not follow from the file. */
  readonly shape: OpenShape | undefined;
  readonly parameters: number;
  readonly flops: number;
}

/** Parses and checks a file; nothing of it has been given to an engine before. */
export function readOnnx(bytes: Uint8Array, shownAs: string): Result<OnnxFile, Diagnostic> {
  let model: OnnxModel;
  try {
    model = parseModel(bytes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return err(problem('M007', `${shownAs} is no ONNX model, or is damaged (${error.message})`));
  }
  const refusal = refusalOf(model);
  if (refusal) return err(problem(refusal.code, `${shownAs} ${refusal.message}`, { help: refusal.help }));
  const input = inputOf(model);
  return input.ok ? ok({ model, input: input.value, bytes }) : err(problem('M010', `${shownAs} ${input.error}`));
}

function inputOf({ inputs, initializers }: OnnxModel): Result<OnnxInput, string> {
  const open = inputs.filter(({ name }) => !initializers.has(name));
  const [input] = open;
  if (!input || open.length > 1) {
    return err(
      `has ${open.length} inputs (${open.map(({ name }) => JSON.stringify(name)).join(', ')}) where a backbone has one`,
    );
  }
  const { name, elementType, shape } = input;
  if (elementType !== 1) return err(`takes an input ${JSON.stringify(name)} that is not float32`);
  if (shape?.length !== 4) {
    return err(
      `takes an input ${JSON.stringify(name)} of shape ${showOpen(shape)}, not a batch of images [rows, channels, height, width]`,
    );
  }
  const [batch = null, a = null, b = null, c = null] = shape;
  if (batch !== null && batch !== 1) return err(`takes exactly ${batch} images at a time`);
  const layout = layoutOf(a, c);
  const [height, width, channels] = layout === 'nhwc' ? [a, b, c] : [b, c, a];
  return ok({ name, layout, height, width, channels, single: batch === 1 });
}

/** Channels are 1 or 3; an axis that is neither cannot be theirs. */
function layoutOf(second: number | null, last: number | null): Layout | undefined {
  const couldBe = (extent: number | null) => extent === null || extent === 1 || extent === 3;
  if (couldBe(second) && !couldBe(last)) return 'nchw';
  if (couldBe(last) && !couldBe(second)) return 'nhwc';
  if (second !== null && last === null) return couldBe(second) ? 'nchw' : undefined;
  if (last !== null && second === null) return couldBe(last) ? 'nhwc' : undefined;
  return undefined;
}

/** All layers, with shapes for images of a size. */
export function describeOnnx(file: OnnxFile, layout: Layout, image: Shape): readonly OnnxLayer[] {
  const [height = 0, width = 0, channels = 0] = image;
  const costs = inferShapes(file.model, file.input.name, [
    null,
    ...(layout === 'nchw' ? [channels, height, width] : [height, width, channels]),
  ]);
  const counted = new Set<string>();
  return file.model.nodes.map((node) => {
    const cost = costs.get(node);
    return {
      name: labelOf(node),
      operator: node.operator,
      output: node.outputs.find(Boolean) ?? '',
      shape: cost?.shape?.slice(1),
      parameters: parametersOf(node, file.model, counted),
      flops: cost?.flops ?? 0,
    };
  });
}

/** Numbers of a node's weights; shared ones are counted where they are first read. */
function parametersOf(node: Node, { initializers }: OnnxModel, counted: Set<string>): number {
  let total = 0;
  for (const name of node.inputs) {
    const tensor = initializers.get(name);
    if (!tensor || counted.has(name) || tensor.type === 7) continue;
    counted.add(name);
    total += tensor.length;
  }
  return total;
}

export interface OnnxCut {
  readonly bytes: Uint8Array;
  readonly output: string;
  /** Names of the nodes that are left. */
  readonly kept: number;
}

/**
 * The model with one output: that of a layer (by the node's name or its output's), or its own where `layer` is absent. What
 * that output does not need is left out.
 */
export function cutOnnx(file: OnnxFile, layer: string | undefined, shownAs: string): Result<OnnxCut, Diagnostic> {
  const { model } = file;
  const output = layer === undefined ? model.outputs[0]?.name : outputOfLayer(model, layer);
  if (layer === undefined && model.outputs.length !== 1) {
    const names = model.outputs.map(({ name }) => name).join(', ');
    return err(
      problem('M005', `${shownAs} has ${model.outputs.length} outputs`, {
        help: `choose one with \`layer\`: ${names}`,
      }),
    );
  }
  if (output === undefined) {
    const layers = model.nodes.map((node) => ({ name: labelOf(node), shape: node.operator }));
    return err(noSuchLayer(shownAs, layer ?? '', layers));
  }
  if (model.outputs.length === 1 && model.outputs[0]?.name === output)
    return ok({ bytes: file.bytes, output, kept: model.nodes.length });
  return ok(rewrite(model, output));
}

function outputOfLayer(model: OnnxModel, layer: string): string | undefined {
  const byName = model.nodes.find(({ name }) => name === layer);
  const output = byName?.outputs.find(Boolean);
  if (output !== undefined) return output;
  return model.nodes.flatMap(({ outputs }) => outputs).find((name) => name === layer && name !== '');
}

function rewrite(model: OnnxModel, output: string): OnnxCut {
  const needed = new Set([output]);
  // Nodes are in an order in which each comes behind what it reads, as the format demands.
  const nodes = model.nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((name) => needed.has(name))) return false;
      for (const name of node.reads) needed.add(name);
      return true;
    })
    .toReversed();
  const keep = <T extends { readonly name: string; readonly raw: Uint8Array }>(items: Iterable<T>) =>
    [...items].filter(({ name }) => needed.has(name)).map(({ raw }) => raw);
  const stated = [...model.outputs, ...model.values].find(({ name }) => name === output);
  const graph = Buffer.concat([
    ...nodes.map(({ raw }) => raw),
    ...keep(model.initializers.values()),
    ...model.otherGraphFields,
    ...keep(model.inputs),
    writeField(12, outputInfo(output, stated)),
    ...keep(model.values.filter(({ name }) => name !== output)),
  ]);
  return { bytes: Buffer.concat([...model.otherFields, writeField(7, graph)]), output, kept: nodes.length };
}

/** ValueInfoProto of a float32 tensor, without a shape unless the file states one. */
function outputInfo(name: string, stated: ValueInfo | undefined): Uint8Array {
  const extents = stated?.shape?.map((extent) =>
    writeField(1, extent === null ? new Uint8Array(0) : writeInteger(1, extent)),
  );
  const tensorType = Buffer.concat([
    writeInteger(1, stated?.elementType || 1),
    ...(extents ? [writeField(2, Buffer.concat(extents))] : []),
  ]);
  return Buffer.concat([writeField(1, name), writeField(2, writeField(1, tensorType))]);
}

/** `[?, 3, 224, 224]`. */
export function showOpen(shape: OpenShape | undefined): string {
  return shape ? `[${shape.map((extent) => extent ?? '?').join(', ')}]` : 'unknown';
}
