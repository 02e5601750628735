/**
 * One training step of the default model: traced graph on onnxruntime against the same step in
 * PyTorch (scaled_dot_product_attention, fused Adam), same weights, same batch, two threads each.
 * The two take turns in blocks, since a machine's speed drifts. `--blocks N --steps N --threads N`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile, seededRandom } from '../src/core/index.ts';
import type { HostTensor } from '../src/engine/index.ts';
import {
  initialParameters,
  type ModelSettings,
  namedParameters,
  parameterPlan,
} from '../src/model/index.ts';
import {
  batchCounts,
  createLearner,
  createWeighting,
  type OptimiserSettings,
  type StepDesign,
} from '../src/trainer/index.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = `${ROOT}.cache/bench-step/`;
const PYTHON = `${ROOT}.cache/bench-venv/bin/python`;
const TASKS = ['store', 'direct', 'cart'];
const IO = { tasks: 3, steps: 96, features: 19 };
const BATCH = 32;

const { values: given } = parseArgs({
  options: {
    blocks: { type: 'string', default: '6' },
    steps: { type: 'string', default: '20' },
    threads: { type: 'string', default: '2' },
  },
});
const [blocks, steps, threads] = [given.blocks, given.steps, given.threads].map(Number) as [
  number,
  number,
  number,
];

interface Defaults {
  readonly model: ModelSettings;
  readonly training: {
    readonly optimiser: OptimiserSettings;
    readonly inverseLearningRate: number;
  };
}
const { model, training } = JSON.parse(
  readFileSync(`${ROOT}config/default.json`, 'utf8'),
) as Defaults;
const { optimiser, inverseLearningRate } = training;

const plan = parameterPlan(model, IO);
const initial = initialParameters(plan, 17);
const counts = batchCounts([20, 20, 10], BATCH);
const design: StepDesign = { settings: model, io: IO, plan, counts, optimiser };

/** A batch of smooth random walks; half of the campaigns stop early. */
function makeBatch(): Record<'states' | 'label' | 'action' | 'mask', HostTensor> {
  const random = seededRandom(17);
  const tensor = (shape: number[], value: (index: number) => number): HostTensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    return { shape, data: Float32Array.from({ length: size }, (_, index) => value(index)) };
  };
  const states = new Float32Array(BATCH * (IO.steps + 1) * IO.features);
  for (let i = 0; i < states.length; i++) {
    const before = i % ((IO.steps + 1) * IO.features) < IO.features ? 0 : states[i - IO.features]!;
    states[i] = 0.95 * before + 0.3 * random.normal();
  }
  const isOn = (i: number): boolean => Math.floor(i / IO.steps) % 2 === 0 || i % IO.steps < 60;
  return {
    states: { shape: [BATCH, IO.steps + 1, IO.features], data: states },
    label: tensor([BATCH, 1], () => random.next()),
    action: tensor([BATCH, IO.steps], () => random.normal()),
    mask: tensor([BATCH, IO.steps], (i) => (isOn(i) ? 1 : 0)),
  };
}

interface Block {
  readonly ms: readonly number[];
  readonly losses: readonly (readonly number[])[];
}

function writeSetup(batch: Readonly<Record<string, HostTensor>>, weights: readonly number[]): void {
  mkdirSync(CACHE, { recursive: true });
  const parameters = namedParameters(plan, initial);
  const bytes = (arrays: readonly HostTensor['data'][]): Buffer =>
    Buffer.concat(arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength)));
  writeFileSync(`${CACHE}parameters.bin`, bytes(parameters.map(({ data }) => data)));
  writeFileSync(`${CACHE}batch.bin`, bytes(Object.values(batch).map(({ data }) => data)));
  const setup = {
    model,
    optimiser,
    inverseLearningRate,
    counts,
    weights,
    threads,
    parameters: parameters.map(({ parameter: { name, shape } }) => ({ name, shape })),
    batch: Object.entries(batch).map(([name, { shape }]) => ({ name, shape })),
  };
  writeFileSync(`${CACHE}setup.json`, JSON.stringify(setup));
}

/** Starts the PyTorch twin; null where its environment is not there. */
async function startPeer() {
  if (!existsSync(PYTHON)) return null;
  const child = spawn(PYTHON, [`${ROOT}bench/peers/step_torch.py`, CACHE], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the PyTorch twin ended early');
    return JSON.parse(line.value);
  };
  console.log('peer', JSON.stringify(await answer()));
  return {
    run: async (count: number): Promise<Block> => {
      child.stdin.write(`${count}\n`);
      return (await answer()) as Block;
    },
    stop: () => child.stdin.end(),
  };
}

const weighting = createWeighting('vanilla', TASKS.length, {});
const random = seededRandom(3);
const { weights } = weighting.step({ losses: new Float64Array(TASKS.length), random });
const batch = makeBatch();
writeSetup(batch, [...weights]);
const learner = await createLearner({
  design,
  tasks: TASKS,
  weighting,
  random,
  inverseLearningRate,
  initial,
  threads,
});
const run = async (count: number): Promise<Block> => {
  const ms: number[] = [];
  const losses: (readonly number[])[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const record = await learner.step(batch, {}, false);
    ms.push(performance.now() - start);
    losses.push(record.losses);
  }
  return { ms, losses };
};

const peer = await startPeer();
const [ours, theirs]: [Block[], Block[]] = [[], []];
for (let block = 0; block < blocks; block++) {
  ours.push(await run(steps));
  if (peer) theirs.push(await peer.run(steps));
}
peer?.stop();
await learner.release();

/** Median of all blocks but the first, which warms up. */
const median = (all: readonly Block[]): number =>
  quantile(
    all.slice(1).flatMap((block) => block.ms),
    0.5,
  );
const fastest = (all: readonly Block[]): number => Math.min(...all.flatMap((block) => block.ms));
const figures = (all: readonly Block[]): string =>
  `${median(all).toFixed(1)} ms a step (median; fastest ${fastest(all).toFixed(1)})`;
console.log(`vamo    ${figures(ours)}, ${threads} threads`);
if (peer) {
  const pairs = ours.flatMap((block, i) =>
    block.losses.flatMap((row, j) => row.map((x, k) => Math.abs(x - theirs[i]!.losses[j]![k]!))),
  );
  const early = Math.max(...pairs.slice(0, steps * TASKS.length));
  console.log(`PyTorch ${figures(theirs)}`);
  console.log(`ratio   ${(median(ours) / median(theirs)).toFixed(3)} (bar: at most 1.0)`);
  console.log(`losses  differ by at most ${early.toExponential(1)} in the first ${steps} steps`);
  if (early > 1e-4) process.exitCode = 1;
} else {
  console.log('PyTorch not measured: see docs/benchmarks.md for its environment');
}
