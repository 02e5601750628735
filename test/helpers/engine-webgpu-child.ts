/**
 * Trains a toy model for 20 steps on the cpu and on webgpu, its state resident, and writes both
 * runs' losses as JSON. A process of its own: the Vulkan loader reads its environment at the start.
 */
import { seededRandom } from '../../src/core/index.ts';
import { availableProviders, compile, type Provider, trace } from '../../src/engine/index.ts';
import type { Feeds } from '../../src/engine/types.ts';
import { initialParameters, parameterPlan } from '../../src/model/index.ts';
import { fusedStepProgram } from '../../src/trainer/step/update-graphs.ts';
import { modelSettings, optimiserSettings } from './engine-toy.ts';

const STEPS = 20;
const io = { tasks: 2, steps: 12, features: 5 };
const plan = parameterPlan(modelSettings, io);
const step = fusedStepProgram({
  settings: modelSettings,
  io,
  plan,
  counts: [2, 1],
  optimiser: optimiserSettings,
});
const traced = trace(step.inputs, step.fn);
const initial = initialParameters(plan, 7);
const resident = Object.keys(traced.outputs).filter((name) => name.startsWith('next.'));

const uniform = (shape: readonly number[], value: number) =>
  ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) }) as const;

function firstFeeds(): Feeds {
  const fixed: Feeds = {
    generator: { shape: [plan.generatorSize], data: initial.generator },
    inverse: { shape: [plan.inverseSize], data: initial.inverse },
    mask: uniform([3, io.steps], 1),
    weights: uniform([2], 0.5),
    learningRate: uniform([], 3e-3),
    inverseLearningRate: uniform([], 3e-3),
    meanCorrection: uniform([], 0.1),
    squareCorrection: uniform([], 0.001),
  };
  const random = seededRandom(5);
  const rest = Object.entries(traced.inputs).map(([name, { shape }]) => {
    const zeros = uniform(shape, 0);
    if (/Mean$|Square$/.test(name)) return [name, zeros] as const;
    const drawn = { shape, data: zeros.data.map(() => random.normal()) };
    return [name, fixed[name] ?? drawn] as const;
  });
  return Object.fromEntries(rest);
}

async function losses(provider: Provider): Promise<number[][]> {
  const graph = await compile(traced, { provider, threads: 1, resident });
  let feeds = firstFeeds();
  const rows: number[][] = [];
  for (let step = 0; step < STEPS; step++) {
    const results = await graph.runResident(feeds);
    rows.push([
      ...(results.host['losses']?.data ?? []),
      ...(results.host['inverseLoss']?.data ?? []),
    ]);
    const next = Object.entries(results.resident).map(([name, x]) => [name.slice(5), x] as const);
    for (const [name] of next) {
      const old = feeds[name];
      if (old !== undefined && 'dispose' in old) old.dispose();
    }
    feeds = { ...feeds, ...Object.fromEntries(next) };
  }
  const { generator } = feeds;
  if (generator === undefined || !('read' in generator)) throw new TypeError('not resident');
  rows.push([...(await generator.read()).data]);
  await graph.release();
  return rows;
}

const webgpu = (await availableProviders()).find(({ provider }) => provider === 'webgpu');
const answer =
  webgpu?.available === true
    ? { cpu: await losses('cpu'), webgpu: await losses('webgpu') }
    : { reason: webgpu?.reason ?? 'no report' };
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
