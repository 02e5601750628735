/**
 * Where a step's time goes. First ONNX Runtime's profile of a Vanilla and of an exact VAMO step, each
 * node's shortest time of all runs, summed by operator; this leaves out what passes between nodes and
 * what other work on the machine adds. Then the graphs without the profiler, in turns and in the order
 * of a step: their matrix work and their median time.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { quantile } from '../src/core/index.ts';
import { type TensorProgram, type TensorSpec, trace } from '../src/engine/index.ts';
import { sessionOptions } from '../src/engine/runtime.ts';
import { initialParameters, type ModelSettings, parameterPlan } from '../src/model/index.ts';
import { atLeastOne, benchOptions } from './options.ts';
import { modelSettings } from './peers/model-settings.ts';
import { stepIo, stepPrograms, stepTensors } from './peers/step-data.ts';

const given = benchOptions("Where a training step's time goes.", {
  size: { type: 'string', default: 'small' },
  temporal: { type: 'string', default: 'timesnet' },
  runs: { type: 'string', default: '30' },
  threads: { type: 'string', default: '2' },
});
const WARM_RUNS = 5;
const runs = atLeastOne('runs', given.runs);
const threads = atLeastOne('threads', given.threads);

/** What a step's inputs hold: the batch, the first parameters, and small numbers for all else. */
function inputsOf(model: ModelSettings, heldOut: boolean) {
  const prefix = heldOut ? 'validation.' : '';
  const batch = new Map(stepTensors(model).batch.map(({ name, data }) => [name, data]));
  const { generator, inverse } = initialParameters(parameterPlan(model, stepIo(model)), 17);
  const known = new Map<string, Float32Array | Int32Array | Uint8Array>([
    ['generator', generator],
    ['inverse', inverse],
  ]);
  return (name: string, { shape, dtype }: TensorSpec): Tensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = batch.get(prefix + name) ?? known.get(name) ?? new Float32Array(size).fill(1e-3);
    return dtype === 'int32'
      ? new Tensor(dtype, Int32Array.from(data), shape)
      : new Tensor('float32', Float32Array.from(data), shape);
  };
}

interface Sum {
  nodes: number;
  ms: number;
}

/** A graph and a session of its own, with what to feed it. */
async function opened(
  { inputs, fn }: TensorProgram,
  valueOf: ReturnType<typeof inputsOf>,
  options: InferenceSession.SessionOptions = {},
) {
  const graph = trace(inputs, fn);
  const session = await InferenceSession.create(graph.bytes, {
    ...sessionOptions({ threads }),
    ...options,
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs)
      .filter(([name]) => session.inputNames.includes(name))
      .map(([name, spec]) => [name, valueOf(name, spec)]),
  );
  return { graph, session, run: async () => session.run(feeds) };
}

/** Runs a graph and reads what the runtime wrote about its nodes, by operator. */
async function profile(
  program: TensorProgram,
  valueOf: ReturnType<typeof inputsOf>,
): Promise<Map<string, Sum>> {
  const folder = mkdtempSync(join(tmpdir(), 'vamo-profile-'));
  const { session, run } = await opened(program, valueOf, {
    enableProfiling: true,
    profileFilePrefix: join(folder, 'step'),
  });
  for (let i = 0; i < runs; i++) await run();
  session.endProfiling();
  await session.release();
  const [file = ''] = readdirSync(folder);
  const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    readonly cat: string;
    readonly name: string;
    readonly dur: number;
    readonly args?: { readonly op_name?: string };
  }[];
  rmSync(folder, { recursive: true });
  const shortest = new Map<string, { operator: string; us: number }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
    const us = Math.min(dur, shortest.get(name)?.us ?? Number.POSITIVE_INFINITY);
    shortest.set(name, { operator: args?.op_name ?? name, us });
  }
  const byOperator = new Map<string, Sum>();
  for (const { operator, us } of shortest.values()) {
    const sum = byOperator.get(operator) ?? { nodes: 0, ms: 0 };
    byOperator.set(operator, { nodes: sum.nodes + 1, ms: sum.ms + us / 1e3 });
  }
  return byOperator;
}

type Opened = Awaited<ReturnType<typeof opened>>;

/** Median milliseconds of graphs that run in this order, again and again. */
async function timed(graphs: readonly Opened[]): Promise<number[]> {
  const ms: number[][] = graphs.map(() => []);
  for (let i = 0; i < runs + WARM_RUNS; i++)
    for (const [k, { run }] of graphs.entries()) {
      const start = performance.now();
      await run();
      if (i >= WARM_RUNS) ms[k]!.push(performance.now() - start);
    }
  return ms.map((of) => quantile(of, 0.5));
}

const OPERATORS = [
  ['Gemm (linear layers)', /^Gemm$/],
  ['attention and other products', /MatMul/],
  ['softmax, erf, exp, norms', /^(Softmax|Erf|Exp|Tanh|Sqrt|Log|.*LayerNormalization)$/],
  ['element-wise', /^(Mul|Add|Sub|Div|Sum|Neg|Min|Max|Square|Where|Equal|Greater|Cast)$/],
  ['gather', /^Gather/],
  ['moves (transpose, slice, concat)', /^(Transpose|Split|Slice|Concat|Pad|Tile|Expand)$/],
  ['sums', /^Reduce/],
  ['everything else', /./],
] as const;

/** Nodes and milliseconds of the groups above, over all graphs of a step. */
function grouped(profiles: readonly Map<string, Sum>[]) {
  const sums = new Map<string, Sum>(OPERATORS.map(([name]) => [name, { nodes: 0, ms: 0 }]));
  for (const byOperator of profiles)
    for (const [operator, { nodes, ms }] of byOperator) {
      const group = OPERATORS.find(([, pattern]) => pattern.test(operator))?.[0];
      const sum = group && sums.get(group);
      if (!sum) continue;
      sum.nodes += nodes;
      sum.ms += ms;
    }
  return sums;
}

const { model, optimiser } = await modelSettings(given.size, given.temporal);
const programs = stepPrograms(model, optimiser);
const vanilla = [await profile(programs.vanilla[0]!, inputsOf(model, false))];
const vamo = [];
for (const [i, program] of programs.vamo.entries())
  vamo.push(await profile(program, inputsOf(model, i === 0)));

const [one, other] = [grouped(vanilla), grouped(vamo)];
const line = (name: string, a: string[], b: string[], ratio: string): void =>
  console.log([name.padEnd(34), ...[...a, ...b, ratio].map((x) => x.padStart(8))].join(' '));
const figures = ({ nodes, ms }: Sum) => [`${nodes}`, ms.toFixed(1)];
const total = (sums: typeof one): Sum =>
  [...sums.values()].reduce((a, b) => ({ nodes: a.nodes + b.nodes, ms: a.ms + b.ms }));
console.log(`${given.size}, temporal module ${given.temporal}, ${threads} threads, ${runs} runs\n`);
line('', ['Vanilla', 'ms'], ['VAMO', 'ms'], 'ratio');
for (const [name, a] of one) {
  const b = other.get(name) ?? { nodes: 0, ms: 0 };
  line(name, figures(a), figures(b), a.ms > 0 ? (b.ms / a.ms).toFixed(2) : '');
}
const [a, b] = [total(one), total(other)];
line('all nodes', figures(a), figures(b), (b.ms / a.ms).toFixed(2));

const fused = await opened(programs.vanilla[0]!, inputsOf(model, false));
const parts: Opened[] = [];
for (const [i, program] of programs.vamo.entries())
  parts.push(await opened(program, inputsOf(model, i === 0)));
const graphs = [
  ...(await timed([fused])).map((ms) => ({ name: 'the Vanilla step', ms, ...fused.graph })),
  ...(await timed(parts)).map((ms, i) => ({
    name: ['VAMO: v', 'VAMO: task gradients', 'VAMO: update'][i]!,
    ms,
    ...parts[i]!.graph,
  })),
];
console.log('\nby graph, median of the runs, without the profiler');
line('', ['GFLOP', 'ms'], ['GFLOP/s', ''], '');
for (const { name, ms, flops } of graphs)
  line(name, [(flops / 1e9).toFixed(2), ms.toFixed(1)], [(flops / ms / 1e6).toFixed(0), ''], '');
const [step, v, gradients, update] = graphs;
/** v taken anew at every `every`-th step, in Vanilla steps. */
const against = (of: 'flops' | 'ms', every: number): string =>
  ((v![of] / every + gradients![of] + update![of]) / step![of]).toFixed(2);
for (const [name, every] of [
  ['exact', 1],
  ['valEvery 4', 4],
] as const)
  console.log(
    `${name}: ${against('flops', every)} times the matrix work of Vanilla, ${against('ms', every)} times its time`,
  );
