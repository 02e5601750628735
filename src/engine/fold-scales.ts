import {
  createGraph,
  liveNodes,
  type Attribute,
  type Graph,
  type Node,
  type Value,
} from './graph.ts';

/**
 * Takes constant factors into matrix products, which multiply by one for nothing: a factor of a
 * product that nothing else reads, and a factor of a matrix that enters a product.
 * @returns inputs and outputs in a new graph that does so
 */
export function foldScales(
  inputs: readonly Value[],
  outputs: ReadonlyMap<string, Value>,
): { readonly inputs: readonly Value[]; readonly outputs: ReadonlyMap<string, Value> } {
  const graph = createGraph();
  const nodes = liveNodes([...outputs.values()]);
  const uses = new Map<Value, number>();
  for (const value of [...nodes.flatMap((node) => node.inputs), ...outputs.values()]) {
    uses.set(value, (uses.get(value) ?? 0) + 1);
  }
  const renewed = new Map<Value, Value>();
  const now = (value: Value): Value => {
    const known = renewed.get(value) ?? leaf(graph, value);
    renewed.set(value, known);
    return known;
  };
  const fresh = inputs.map(now);
  for (const node of nodes) {
    const read = node.inputs.map(now);
    const made =
      factoredProduct(graph, node, read, uses) ??
      productOfFactored(graph, node, read) ??
      graph.applyMany(node.op, read, node.outputs, node.attributes);
    node.outputs.forEach((value, index) => renewed.set(value, at(made, index)));
  }
  return { inputs: fresh, outputs: new Map([...outputs].map(([name, x]) => [name, now(x)])) };
}

/** An input or a constant in another graph. */
function leaf(graph: Graph, value: Value): Value {
  if (value.inputName !== undefined) return graph.input(value.inputName, value);
  if (value.constant !== undefined) return graph.constant(value.constant, value.shape, value.type);
  throw new RangeError('a value is read before it is made');
}

/** c (A B + C) as one Gemm, where nothing else reads the product. */
function factoredProduct(
  graph: Graph,
  node: Node,
  inputs: readonly Value[],
  uses: ReadonlyMap<Value, number>,
): readonly Value[] | undefined {
  const factor = factorOf(node);
  const place = node.inputs.findIndex((x) => x.producer?.op === 'Gemm');
  const product = node.inputs[place];
  const gemm = inputs[place]?.producer;
  if (factor === undefined || gemm === undefined || product === undefined) return undefined;
  return uses.get(product) === 1 ? [scaledGemm(graph, gemm, factor, factor)] : undefined;
}

/** (c A) B + C with c as the product's own factor. */
function productOfFactored(
  graph: Graph,
  node: Node,
  inputs: readonly Value[],
): readonly Value[] | undefined {
  if (node.op !== 'Gemm') return undefined;
  const [a, b] = [unscaled(at(inputs, 0)), unscaled(at(inputs, 1))];
  if (a.factor * b.factor === 1) return undefined;
  const plain: Node = { ...node, inputs: [a.value, b.value, ...inputs.slice(2)] };
  return [scaledGemm(graph, plain, a.factor * b.factor, 1)];
}

/** A Gemm whose product is multiplied by `ofProduct` and whose third input by `ofBias`. */
function scaledGemm(graph: Graph, gemm: Node, ofProduct: number, ofBias: number): Value {
  const attributes: Record<string, Attribute> = {
    ...gemm.attributes,
    alpha: { float: scale(gemm, 'alpha') * ofProduct },
    ...(gemm.inputs.length > 2 && { beta: { float: scale(gemm, 'beta') * ofBias } }),
  };
  return graph.apply('Gemm', gemm.inputs, at(gemm.outputs, 0), attributes);
}

function scale(gemm: Node, name: 'alpha' | 'beta'): number {
  const value = gemm.attributes[name];
  return typeof value === 'object' && 'float' in value ? value.float : 1;
}

/** The number a Mul multiplies by, when one of its factors is a constant of one element. */
function factorOf(node: Node | undefined): number | undefined {
  if (node?.op !== 'Mul') return undefined;
  const constant = node.inputs.find((x) => x.constant?.length === 1 && x.shape.length === 0);
  return constant === undefined ? undefined : Number(constant.constant?.[0]);
}

function at(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) throw new RangeError(`a node without value ${index}`);
  return value;
}

function unscaled(value: Value): { readonly value: Value; readonly factor: number } {
  const factor = value.type === 'float32' ? factorOf(value.producer) : undefined;
  const source = value.producer?.inputs.find((x) => x.constant === undefined);
  return factor === undefined || source === undefined
    ? { value, factor: 1 }
    : { value: source, factor };
}
