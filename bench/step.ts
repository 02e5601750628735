/**
 * One training step of the default model without its temporal module, method vanilla: the fused
 * graph on onnxruntime against the same step in PyTorch, from the same weights on the same batch.
 * Exit code: 1 when losses disagree, 2 when the peer cannot be set up. Timings are never judged.
 */
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/index.ts';
import { compare, ratioOf } from './peers/compare.ts';
import { atLeastOne } from './options.ts';
import { EnvironmentError, preparePython } from './peers/environment.ts';
import { COUNTS, stepIo, stepTensors } from './peers/step-data.ts';
import { startOwn, startTorch } from './peers/step-peer.ts';

const COMPARED_STEPS = 20;
const LARGEST_GAP = 1e-4;

const { values: given } = parseArgs({
  options: {
    blocks: { type: 'string', default: '12' },
    steps: { type: 'string', default: '10' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
async function measure(log: (line: string) => void) {
  const [blocks, steps, threads] = [
    atLeastOne('blocks', given.blocks),
    atLeastOne('steps', given.steps),
    atLeastOne('threads', given.threads),
  ];
  const [loadBefore] = loadavg();
  const cache = fileURLToPath(new URL('../.cache/', import.meta.url));
  const requirements = fileURLToPath(new URL('peers/requirements.txt', import.meta.url));
  const python = preparePython(requirements, `${cache}bench-venv`, log);
  const { model: configured, training } = await loadConfig();
  const model = { ...configured, temporal: 'none' } as const;
  const { decay: _, ...optimiser } = training.optimiser;
  const { inverseLearningRate } = training;
  const setup = {
    model,
    io: stepIo(model),
    counts: COUNTS,
    optimiser,
    inverseLearningRate,
    threads,
  };
  const tensors = stepTensors(model);
  const route = { method: 'vanilla', options: {}, gains: 'exact', gainsEvery: 1 } as const;
  const weights = COUNTS.map(() => 1 / COUNTS.length);
  const vamo = await startOwn(`${cache}bench-step/own`, { ...setup, route }, tensors);
  const torch = { ...setup, route: 'vanilla', compile: false, lambda: 1, weights } as const;
  const PyTorch = await startTorch(python, `${cache}bench-step/torch`, torch, tensors);
  log(`comparing ${COMPARED_STEPS} steps, then timing ${blocks} blocks of ${steps}`);
  const found = await compare({ vamo, PyTorch }, { compared: COMPARED_STEPS, blocks, steps });
  return {
    losses: {
      steps: COMPARED_STEPS,
      largestGap: found.largestGap,
      agree: found.largestGap <= LARGEST_GAP,
    },
    timings: found.timings,
    ...ratioOf(found, 'vamo', 'PyTorch'),
    blocks,
    steps,
    threads,
    machine: { cores: availableParallelism(), architecture: process.arch, loadBefore },
    versions: { node: process.version, torch: PyTorch.about['torch'] },
  };
}

function table(r: Awaited<ReturnType<typeof measure>>): string {
  const lines = Object.entries(r.timings).map(
    ([name, { medianMs, fastestMs, peakMiB }]) =>
      `${name.padEnd(7)} ${medianMs.toFixed(1)} ms a step (median; fastest ${fastestMs.toFixed(1)}), ${peakMiB.toFixed(0)} MiB at most`,
  );
  const spread = [r.least, r.middle, r.most].map((x) => x.toFixed(3)).join(' / ');
  return [
    ...lines,
    `ratio   ${r.ratio.toFixed(3)} of medians (bar: at most 1.0); block by block ${spread} (least/median/most)`,
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
