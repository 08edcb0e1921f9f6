/** What an ONNX file must not hold: other files, bombs, NaN, operators that nobody knows. */

import type { Node, OnnxModel } from '../../files/onnx/model.ts';
import { misdeclared, spoiled, type Tensor } from '../../files/onnx/tensor.ts';
import { knownDomains, OPSETS, standardOperators } from './operators.ts';

/** A refusal; the message goes on from the file's name. */
export interface Refusal {
  readonly code: 'M009' | 'M010' | 'M011';
  readonly message: string;
  readonly help?: string;
}

const ONE_FILE = 'write it as one file with `onnx.save_model(model, path, save_as_external_data=False)`';

export function refusalOf(model: OnnxModel): Refusal | undefined {
  for (const tensor of model.tensors) {
    const refusal = refusalOfTensor(tensor);
    if (refusal) return refusal;
  }
  if (model.sparse) return { code: 'M010', message: 'holds sparse weights, which are not supported' };
  return refusalOfOpset(model) ?? refusalOfNodes(model) ?? refusalOfInfinity(model);
}

function refusalOfTensor(tensor: Tensor): Refusal | undefined {
  const name = JSON.stringify(tensor.name);
  if (tensor.external !== undefined) {
    return {
      code: 'M009',
      message: `keeps the weight ${name} in another file, ${JSON.stringify(tensor.external)}`,
      help: ONE_FILE,
    };
  }
  const wrong = misdeclared(tensor);
  if (wrong) return { code: 'M009', message: `has a weight ${name} that ${wrong}` };
  if (spoiled(tensor, false)) return { code: 'M011', message: `holds NaN in the weight ${name}` };
  return undefined;
}

function refusalOfOpset({ opsets }: OnnxModel): Refusal | undefined {
  const version = opsets.get('') ?? opsets.get('ai.onnx') ?? 0;
  if (version >= OPSETS.oldest && version <= OPSETS.newest) return undefined;
  return {
    code: 'M010',
    message: `uses version ${version} of the standard operators (opset)`,
    help: `versions ${OPSETS.oldest} to ${OPSETS.newest} are supported; export it with another \`opset_version\`, or convert it with onnx.version_converter`,
  };
}

function refusalOfNodes({ nodes, functionNodes, functions }: OnnxModel): Refusal | undefined {
  for (const node of [...nodes, ...nodes.flatMap(({ nested }) => nested), ...functionNodes]) {
    if (functions.has(`${node.domain} ${node.operator}`) || isKnown(node)) continue;
    const domain = node.domain ? ` of the domain ${JSON.stringify(node.domain)}` : '';
    return {
      code: 'M010',
      message: `uses the operator ${JSON.stringify(node.operator)}${domain} (node ${JSON.stringify(labelOf(node))}), which is not known`,
      help: 'export it with standard operators only, or cut it before that node with `layer`',
    };
  }
  return undefined;
}

function isKnown({ domain, operator }: Node): boolean {
  return domain === '' || domain === 'ai.onnx' ? standardOperators.has(operator) : knownDomains.has(domain);
}

const WEIGHTED = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'BatchNormalization']);

/** Infinities are fine as bounds of a Clip, but not as weights. */
function refusalOfInfinity({ nodes, initializers }: OnnxModel): Refusal | undefined {
  for (const node of nodes.filter(({ operator }) => WEIGHTED.has(operator))) {
    for (const name of node.inputs.slice(1)) {
      const tensor = initializers.get(name);
      if (tensor && spoiled(tensor, true))
        return { code: 'M011', message: `holds infinity in the weight ${JSON.stringify(name)}` };
    }
  }
  return undefined;
}

/** A node's name, or where it has none its first output's. */
export function labelOf({ name, outputs }: Node): string {
  return name || outputs.find(Boolean) || '';
}
