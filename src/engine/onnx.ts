import protobuf from 'protobufjs/light.js';
import { liveNodes, type Attribute, type ElementType, type Node, type Value } from './graph.ts';

/** TensorProto.DataType of each element type. */
export const ONNX_TYPE: Readonly<Record<ElementType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
};

/** The newest operator set with an exact-erf Gelu, and the file format it came with. */
const OPSET = 20;
const IR_VERSION = 9;

const field = (type: string, id: number): protobuf.IField => ({ type, id });
const repeated = (type: string, id: number): protobuf.IField => ({ rule: 'repeated', type, id });

/** The messages of onnx.proto that a traced graph uses, with their field numbers. */
const schema = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: field('int64', 1),
        producerName: field('string', 2),
        graph: field('Graph', 7),
        opsetImport: repeated('OperatorSet', 8),
      },
    },
    OperatorSet: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    Graph: {
      fields: {
        node: repeated('Node', 1),
        name: field('string', 2),
        initializer: repeated('Tensor', 5),
        input: repeated('ValueInfo', 11),
        output: repeated('ValueInfo', 12),
      },
    },
    Node: {
      fields: {
        input: repeated('string', 1),
        output: repeated('string', 2),
        name: field('string', 3),
        opType: field('string', 4),
        attribute: repeated('Attribute', 5),
      },
    },
    Attribute: {
      fields: {
        name: field('string', 1),
        f: field('float', 2),
        i: field('int64', 3),
        s: field('bytes', 4),
        ints: repeated('int64', 8),
        type: field('int32', 20),
      },
    },
    Tensor: {
      fields: {
        dims: repeated('int64', 1),
        dataType: field('int32', 2),
        name: field('string', 8),
        rawData: field('bytes', 9),
      },
    },
    ValueInfo: { fields: { name: field('string', 1), type: field('Type', 2) } },
    Type: { fields: { tensorType: field('TensorType', 1) } },
    TensorType: { fields: { elemType: field('int32', 1), shape: field('Shape', 2) } },
    Shape: { fields: { dim: repeated('Dimension', 1) } },
    Dimension: { fields: { dimValue: field('int64', 1) } },
  },
});

/** An encoded model and how many operations it has. */
export interface EncodedModel {
  readonly bytes: Uint8Array;
  readonly nodeCount: number;
}

/**
 * The part of a graph that `outputs` depend on, as an ONNX file. Values are named after their
 * operation and its position, so equal graphs give equal bytes.
 */
export function encodeModel(
  inputs: readonly Value[],
  outputs: ReadonlyMap<string, Value>,
): EncodedModel {
  const nodes = liveNodes([...outputs.values()]);
  const names = nameValues(nodes, outputs);
  const constants = new Set(
    [...nodes.flatMap((node) => node.inputs), ...outputs.values()].filter(
      (value) => value.constant !== undefined,
    ),
  );
  const copies = [...outputs].filter(([name, value]) => nameOf(names, value) !== name);
  const node = [
    ...nodes.map((item) => nodeMessage(item, names)),
    ...copies.map(([name, value]) => ({
      opType: 'Identity',
      name,
      input: [nameOf(names, value)],
      output: [name],
    })),
  ];
  const graph = {
    name: 'vamo',
    node,
    initializer: [...constants].map((value) => tensorMessage(value, nameOf(names, value))),
    input: inputs.map((value) => valueInfo(nameOf(names, value), value)),
    output: [...outputs].map(([name, value]) => valueInfo(name, value)),
  };
  const model = {
    irVersion: IR_VERSION,
    producerName: 'vamo',
    opsetImport: [{ domain: '', version: OPSET }],
    graph,
  };
  return { bytes: schema.lookupType('Model').encode(model).finish(), nodeCount: node.length };
}

/** Inputs and outputs keep their names; the rest are called after their operation. */
function nameValues(nodes: readonly Node[], outputs: ReadonlyMap<string, Value>) {
  const names = new Map<Value, string>();
  for (const [name, value] of outputs) {
    if (value.producer !== undefined && !names.has(value)) names.set(value, name);
  }
  let constants = 0;
  nodes.forEach((node, position) => {
    for (const value of node.inputs) {
      if (value.constant !== undefined && !names.has(value)) {
        names.set(value, `constant/${constants++}`);
      }
    }
    node.outputs.forEach((value, index) => {
      if (!names.has(value)) names.set(value, `${node.op}/${position}/${index}`);
    });
  });
  for (const value of outputs.values()) {
    if (!names.has(value) && value.inputName === undefined)
      names.set(value, `constant/${constants++}`);
  }
  return names;
}

function nameOf(names: ReadonlyMap<Value, string>, value: Value): string {
  return value.inputName ?? names.get(value) ?? '';
}

function nodeMessage(node: Node, names: ReadonlyMap<Value, string>): object {
  const output = node.outputs.map((value) => nameOf(names, value));
  return {
    opType: node.op,
    name: output[0],
    input: node.inputs.map((value) => nameOf(names, value)),
    output,
    attribute: Object.entries(node.attributes).map(([name, value]) => ({
      name,
      ...attributeMessage(value),
    })),
  };
}

/** The type numbers of AttributeProto. */
function attributeMessage(value: Attribute): object {
  if (typeof value === 'number') return { type: 2, i: value };
  if (typeof value === 'string') return { type: 3, s: new TextEncoder().encode(value) };
  return 'float' in value ? { type: 1, f: value.float } : { type: 7, ints: value };
}

function tensorMessage({ shape, type, constant }: Value, name: string): object {
  const rawData =
    constant && new Uint8Array(constant.buffer, constant.byteOffset, constant.byteLength);
  return { name, dims: shape, dataType: ONNX_TYPE[type], rawData };
}

function valueInfo(name: string, { shape, type }: Value): object {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: ONNX_TYPE[type], shape: { dim } } } };
}
