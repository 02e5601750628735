/**
 * One training step of the default model, method vanilla: the fused graph on onnxruntime against the
 * same step in PyTorch, from the same weights on the same batch. First both run the same steps and
 * their losses are compared; then they take turns in timed blocks, since a machine's speed drifts.
 * Exit code: 1 when losses disagree, 2 when the peer cannot be set up. Timings are never judged.
 */
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/index.ts';
import { STATE_FEATURES } from '../src/contracts/index.ts';
import { quantile, seededRandom, STEPS } from '../src/core/index.ts';
import { initialParameters, namedParameters, parameterPlan } from '../src/model/index.ts';
import { createLearner, createWeighting, type OptimiserSettings } from '../src/trainer/index.ts';
import { EnvironmentError, preparePython } from './peers/environment.ts';
import { type Block, type NamedTensor, startPeer, type Stepper } from './peers/step-peer.ts';

/** Rows of each task in a batch of 32. */
const COUNTS = [13, 13, 6];
const ROWS = 32;
const IO = { tasks: COUNTS.length, steps: STEPS, features: STATE_FEATURES };
const COMPARED_STEPS = 20;
const LARGEST_GAP = 1e-4;
const PARAMETER_SEED = 17;

const { values: given } = parseArgs({
  options: {
    blocks: { type: 'string', default: '12' },
    steps: { type: 'string', default: '10' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
/** A whole number of at least 1 from the command line. */
function count(name: 'blocks' | 'steps' | 'threads'): number {
  const value = Number(given[name]);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`--${name} ${given[name]}: not a whole number of at least 1`);
  return value;
}

/** Smooth random walks; every other campaign stops early. */
function makeBatch(): Record<'states' | 'label' | 'action' | 'mask', NamedTensor> {
  const random = seededRandom(17);
  const tensor = (name: string, shape: number[], at: (index: number) => number): NamedTensor => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    return { name, shape, data: data.map((_, index) => at(index)) };
  };
  const walk = new Float32Array(STATE_FEATURES);
  const isOn = (i: number): boolean => Math.floor(i / STEPS) % 2 === 0 || i % STEPS < 60;
  return {
    states: tensor('states', [ROWS, STEPS + 1, STATE_FEATURES], (i) => {
      if (i % ((STEPS + 1) * STATE_FEATURES) === 0) walk.fill(0);
      const feature = i % STATE_FEATURES;
      return (walk[feature] = 0.95 * walk[feature]! + 0.3 * random.normal());
    }),
    label: tensor('label', [ROWS, 1], () => random.next()),
    action: tensor('action', [ROWS, STEPS], () => random.normal()),
    mask: tensor('mask', [ROWS, STEPS], (i) => (isOn(i) ? 1 : 0)),
  };
}

/** The step as the nightly training runs it, and what the peer needs to do the same. */
async function startOurs(threads: number) {
  const { model, training } = await loadConfig();
  const { decay: _, ...constantRate } = training.optimiser;
  const optimiser: OptimiserSettings = constantRate;
  const { inverseLearningRate } = training;
  const plan = parameterPlan(model, IO);
  const initial = initialParameters(plan, PARAMETER_SEED);
  const weighting = createWeighting('vanilla', IO.tasks, {});
  const random = seededRandom(3);
  const losses = new Float64Array(IO.tasks);
  const weights = [...weighting.step({ losses, random }).weights];
  const batch = makeBatch();
  const parameters = namedParameters(plan, initial).map(({ parameter, data }) => ({
    name: parameter.name,
    shape: parameter.shape,
    data,
  }));
  const settings = { model, optimiser, inverseLearningRate, counts: COUNTS, weights, threads };
  const learner = createLearner({
    design: { settings: model, io: IO, plan, counts: COUNTS, optimiser },
    tasks: COUNTS.map((_, task) => `task ${task}`),
    weighting,
    random,
    inverseLearningRate,
    initial,
    threads,
  });
  const run = async (steps: number): Promise<Block> => {
    const block = { ms: [] as number[], losses: [] as number[][] };
    for (let i = 0; i < steps; i++) {
      const start = performance.now();
      const record = await learner.step({ train: () => batch, validation: () => batch }, false);
      block.ms.push(performance.now() - start);
      block.losses.push([...record.losses, record.inverseLoss]);
    }
    return block;
  };
  const stepper: Stepper = { run, stop: () => learner.release() };
  return { stepper, setup: { settings, parameters, batch: Object.values(batch) } };
}

/** The largest difference of two runs' losses; NaN when one is not a number. */
function largestGap(a: Block, b: Block): number {
  const gaps = a.losses.flatMap((row, i) => row.map((x, k) => Math.abs(x - b.losses[i]![k]!)));
  return gaps.reduce((largest, gap) => Math.max(largest, gap), 0);
}

const median = (ms: readonly number[]): number => quantile(ms, 0.5);
const figures = (blocks: readonly Block[]) => {
  const ms = blocks.flatMap((block) => block.ms);
  return { medianMs: median(ms), fastestMs: Math.min(...ms) };
};

async function measure(log: (line: string) => void) {
  const [blocks, steps, threads] = [count('blocks'), count('steps'), count('threads')];
  const [loadBefore] = loadavg();
  const cache = fileURLToPath(new URL('../.cache/', import.meta.url));
  const requirements = fileURLToPath(new URL('peers/requirements.txt', import.meta.url));
  const python = preparePython(requirements, `${cache}bench-venv`, log);
  const { stepper: ours, setup } = await startOurs(threads);
  const theirs = await startPeer(python, `${cache}bench-step`, setup);
  const gap = largestGap(await ours.run(COMPARED_STEPS), await theirs.run(COMPARED_STEPS));
  log(`losses compared over ${COMPARED_STEPS} steps; timing ${blocks} blocks of ${steps} steps`);
  const timed: [Block[], Block[]] = [[], []];
  for (let block = 0; block < blocks; block++) {
    timed[0].push(await ours.run(steps));
    timed[1].push(await theirs.run(steps));
  }
  await Promise.all([ours.stop(), theirs.stop()]);
  const [vamo, pytorch] = [figures(timed[0]), figures(timed[1])];
  const paired = timed[0].map(({ ms }, i) => median(ms) / median(timed[1][i]!.ms));
  return {
    losses: { steps: COMPARED_STEPS, largestGap: gap, agree: gap <= LARGEST_GAP },
    vamo,
    pytorch,
    ratio: vamo.medianMs / pytorch.medianMs,
    fastestRatio: vamo.fastestMs / pytorch.fastestMs,
    blockRatios: { least: Math.min(...paired), median: median(paired), most: Math.max(...paired) },
    rows: COUNTS,
    features: STATE_FEATURES,
    blocks,
    steps,
    threads,
    machine: { cores: availableParallelism(), architecture: process.arch, loadBefore },
    versions: { node: process.version, torch: theirs.about.torch },
  };
}

function table(r: Awaited<ReturnType<typeof measure>>): string {
  const line = (name: string, { medianMs, fastestMs }: typeof r.vamo): string =>
    `${name} ${medianMs.toFixed(1)} ms a step (median; fastest ${fastestMs.toFixed(1)})`;
  const { least, median: middle, most } = r.blockRatios;
  const spread = `block by block ${[least, middle, most].map((x) => x.toFixed(3)).join(' / ')}`;
  return [
    line('vamo   ', r.vamo),
    line('PyTorch', r.pytorch),
    `ratio   ${r.ratio.toFixed(3)} of medians (bar: at most 1.0); ${spread} (least/median/most)`,
    `losses  differ by at most ${r.losses.largestGap.toExponential(1)} over ${r.losses.steps} steps`,
    `machine ${r.machine.cores} cores, ${r.threads} threads each, load ${r.machine.loadBefore!.toFixed(1)}`,
  ].join('\n');
}

try {
  const result = await measure((line) => console.error(line));
  console.log(given.json ? JSON.stringify(result) : table(result));
  if (!result.losses.agree) {
    console.error(`losses disagree by more than ${LARGEST_GAP}`);
    process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof EnvironmentError || error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
