/**
 * Where a step's time goes: ONNX Runtime's profile of a Vanilla and of an exact VAMO step, each
 * node's shortest time of all runs, summed by operator. Shortest times leave out what passes between
 * nodes and what other work on the machine adds; `whole step` is the shortest time from outside.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type TensorProgram, type TensorSpec, trace } from '../src/engine/index.ts';
import { sessionOptions } from '../src/engine/runtime.ts';
import { initialParameters, type ModelSettings, parameterPlan } from '../src/model/index.ts';
import { atLeastOne } from './options.ts';
import { modelSettings } from './peers/model-settings.ts';
import { stepIo, stepPrograms, stepTensors } from './peers/step-data.ts';

const { values: given } = parseArgs({
  options: {
    size: { type: 'string', default: 'small' },
    temporal: { type: 'string', default: 'timesnet' },
    runs: { type: 'string', default: '30' },
    threads: { type: 'string', default: '2' },
  },
});
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

interface Profile {
  readonly byOperator: Map<string, Sum>;
  readonly wholeMs: number;
}

/** Runs a graph and reads what the runtime wrote about it. */
async function profile(
  { inputs, fn }: TensorProgram,
  valueOf: ReturnType<typeof inputsOf>,
): Promise<Profile> {
  const folder = mkdtempSync(join(tmpdir(), 'vamo-profile-'));
  const session = await InferenceSession.create(trace(inputs, fn).bytes, {
    ...sessionOptions({ threads }),
    enableProfiling: true,
    profileFilePrefix: join(folder, 'step'),
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs)
      .filter(([name]) => session.inputNames.includes(name))
      .map(([name, spec]) => [name, valueOf(name, spec)]),
  );
  let wholeMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await session.run(feeds);
    wholeMs = Math.min(wholeMs, performance.now() - start);
  }
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
  const byOperator: Profile['byOperator'] = new Map();
  for (const { operator, us } of shortest.values()) {
    const sum = byOperator.get(operator) ?? { nodes: 0, ms: 0 };
    byOperator.set(operator, { nodes: sum.nodes + 1, ms: sum.ms + us / 1e3 });
  }
  return { byOperator, wholeMs };
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
function grouped(profiles: readonly Profile[]) {
  const sums = new Map<string, Sum>(OPERATORS.map(([name]) => [name, { nodes: 0, ms: 0 }]));
  for (const { byOperator } of profiles)
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
const whole = (profiles: readonly Profile[]) => profiles.reduce((sum, p) => sum + p.wholeMs, 0);
const outside = [whole(vanilla), whole(vamo)] as const;
line(
  'whole step',
  ['', outside[0].toFixed(1)],
  ['', outside[1].toFixed(1)],
  (outside[1] / outside[0]).toFixed(2),
);
console.log(
  `\nVAMO by graph: ${vamo.map((p) => p.wholeMs.toFixed(1)).join(' + ')} ms (v, task gradients, update)`,
);
