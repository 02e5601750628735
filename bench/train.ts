/**
 * Training steps against PyTorch, of the whole model (temporal module included) or of the default
 * one (`--temporal none`): same weights, same batches, same cores, one run. Losses are compared
 * before anything is timed.
 * Exit code: 1 when losses disagree, 2 when the peer cannot be set up. Timings are never judged.
 */
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { matrixPeak } from './matrix-peak.ts';
import { type Comparison, compare, ratioOf } from './peers/compare.ts';
import { atLeastOne, benchOptions, oneOf } from './options.ts';
import { EnvironmentError, preparePython } from './peers/environment.ts';
import { modelSettings, SIZES } from './peers/model-settings.ts';
import { COUNTS, stepGraphs, stepIo, stepTensors } from './peers/step-data.ts';
import {
  type OwnRoute,
  startOwn,
  startTorch,
  type StepSetup,
  type Stepper,
  type TorchRoute,
} from './peers/step-peer.ts';

const COMPARED_STEPS = 20;
const LARGEST_GAP = 1e-4;

const PAPER = { preset: 'paper' };
const EXACT = { gains: 'exact', gainsEvery: 1 } as const;
const OWN: Readonly<Record<string, OwnRoute>> = {
  vanilla: { method: 'vanilla', options: {}, ...EXACT },
  vamo: { method: 'vamo', options: PAPER, ...EXACT },
  'vamo, differences': { method: 'vamo', options: PAPER, ...EXACT, gains: 'difference' },
  'vamo, gains every 4th': { method: 'vamo', options: PAPER, ...EXACT, gainsEvery: 4 },
  'vamo, valEvery 4': { method: 'vamo', options: { ...PAPER, valEvery: 4 }, ...EXACT },
};
const TORCH: Readonly<Record<string, TorchRoute>> = {
  'PyTorch vanilla': { route: 'vanilla', compile: false },
  'PyTorch compiled': { route: 'vanilla', compile: true },
  'PyTorch vamo, K + 1 passes': { route: 'vamo', compile: false },
  'PyTorch vamo, tasks apart': { route: 'vamo-apart', compile: false },
};

/** What is held against what, and the bar. Losses are compared inside a group. */
const GROUPS = [
  { part: 'vanilla', names: ['vanilla', 'PyTorch vanilla', 'PyTorch compiled'] },
  { part: 'vamo', names: ['vamo', 'PyTorch vamo, K + 1 passes', 'PyTorch vamo, tasks apart'] },
  {
    part: 'routes',
    names: ['vanilla', 'vamo', 'vamo, differences', 'vamo, gains every 4th', 'vamo, valEvery 4'],
    apart: true,
  },
] as const;
const PARTS = GROUPS.map(({ part }) => part);
const BARS = [
  ['vanilla', 'PyTorch vanilla', 0.8],
  ['vanilla', 'PyTorch compiled', 1],
  ['vamo', 'PyTorch vamo, K + 1 passes', 0.5],
  ['vamo', 'PyTorch vamo, tasks apart', null],
  ['vamo', 'vanilla', 2],
  ['vamo, differences', 'vanilla', 1.3],
  ['vamo, gains every 4th', 'vanilla', 1.3],
  ['vamo, valEvery 4', 'vanilla', 1.3],
] as const;
const MEMORY_BARS = [
  ['vanilla', 'PyTorch vanilla', 0.7],
  ['vamo', 'PyTorch vamo, K + 1 passes', 0.7],
] as const;

const given = benchOptions('Training steps against PyTorch.', {
  sizes: { type: 'string', default: SIZES.join() },
  temporal: { type: 'string', default: 'timesnet' },
  parts: { type: 'string', default: PARTS.join() },
  blocks: { type: 'string', default: '8' },
  steps: { type: 'string', default: '8' },
  threads: { type: 'string', default: '2' },
  json: { type: 'boolean', default: false },
});
const listOf = <T extends string>(option: string, text: string, names: readonly T[]): T[] =>
  text.split(',').map((name) => oneOf(option, name, names));

interface Place {
  readonly cache: string;
  readonly python: string;
  readonly log: (line: string) => void;
}

async function measureSize(size: (typeof SIZES)[number], { cache, python, log }: Place) {
  const folder = `${cache}bench-train/${size}-${given.temporal}`;
  const { model, optimiser, inverseLearningRate } = await modelSettings(size, given.temporal);
  const setup: Omit<StepSetup, 'route'> = {
    model,
    io: stepIo(model),
    counts: COUNTS,
    optimiser,
    inverseLearningRate,
    threads: atLeastOne('threads', given.threads),
  };
  const tensors = stepTensors(model);
  const weights = COUNTS.map(() => 1 / COUNTS.length);
  const start = (name: string): Promise<Stepper & { about: Readonly<Record<string, unknown>> }> => {
    const place = `${folder}/${name.replaceAll(/[^a-z0-9]+/gi, '-')}`;
    const own = OWN[name];
    if (own) return startOwn(place, { ...setup, route: own }, tensors);
    const torch = TORCH[name];
    if (!torch) throw new RangeError(`no stepper "${name}"`);
    return startTorch(python, place, { ...setup, ...torch, lambda: 1, weights }, tensors);
  };
  const found: (Comparison & { readonly isCompared: boolean })[] = [];
  const parts = listOf('parts', given.parts, PARTS);
  for (const { part, names, ...options } of GROUPS) {
    if (!parts.includes(part)) continue;
    log(`${size}: ${names.join(' | ')}`);
    const steppers: Record<string, Stepper> = {};
    for (const name of names) steppers[name] = await start(name);
    const plan = {
      compared: COMPARED_STEPS,
      blocks: atLeastOne('blocks', given.blocks),
      steps: atLeastOne('steps', given.steps),
    };
    found.push({ ...(await compare(steppers, plan)), isCompared: !('apart' in options) });
  }
  const withBoth = (a: string, b: string): Comparison | undefined =>
    found.find(({ timings }) => a in timings && b in timings);
  return {
    size,
    /** NaN counts as too large; 0 where no part compares losses. */
    largestGap: Math.max(0, ...found.filter((f) => f.isCompared).map((f) => f.largestGap)),
    times: BARS.flatMap(([a, b, bar]) => {
      const both = withBoth(a, b);
      return both
        ? [
            {
              a,
              b,
              bar,
              ...ratioOf(both, a, b, /every/i.test(a) ? 'meanMs' : 'medianMs'),
            },
          ]
        : [];
    }),
    memory: MEMORY_BARS.flatMap(([a, b, bar]) => {
      const both = withBoth(a, b);
      if (!both) return [];
      const [ours, theirs] = [both.timings[a]!.peakMiB, both.timings[b]!.peakMiB];
      return [{ a, b, bar, ratio: ours / theirs, ours, theirs }];
    }),
    graphs: await stepGraphs(model, optimiser, setup.threads),
    /** Of exact steps; none where no part takes them. */
    fastestMs: {
      vanilla: found.flatMap(({ timings }) => timings['vanilla']?.fastestMs ?? []),
      vamo: found.flatMap(({ timings }) => timings['vamo']?.fastestMs ?? []),
    },
  };
}

function report(r: Awaited<ReturnType<typeof measure>>): string {
  const lines: string[] = [];
  for (const s of r.sizes) {
    lines.push(
      `${s.size}: losses differ by at most ${s.largestGap.toExponential(1)} over ${COMPARED_STEPS} steps`,
    );
    for (const t of s.times)
      lines.push(
        `  ${`${t.a} / ${t.b}`.padEnd(44)} ${t.ratio.toFixed(2)} (blocks ${t.least.toFixed(2)} to ${t.most.toFixed(2)}); ${t.ms.toFixed(0)} and ${t.peerMs.toFixed(0)} ms` +
          (t.bar === null ? '' : `; bar ${t.bar}`),
      );
    for (const m of s.memory)
      lines.push(
        `  ${`memory, ${m.a} / ${m.b}`.padEnd(44)} ${m.ratio.toFixed(2)}; ${m.ours.toFixed(0)} and ${m.theirs.toFixed(0)} MiB; bar ${m.bar}`,
      );
    const { vanilla, vamo } = s.graphs;
    lines.push(
      `  matrix work: a Vanilla step ${vanilla.gigaflop.toFixed(1)} GFLOP, an exact VAMO step ${vamo.gigaflop.toFixed(1)}, ${(vamo.gigaflop / vanilla.gigaflop).toFixed(2)} times that`,
      `  graphs of an exact VAMO step: traced and compiled in ${vamo.seconds.toFixed(2)} s (bar 2), ${vamo.megabytes.toFixed(2)} MB (bar 5)`,
    );
    for (const method of ['vanilla', 'vamo'] as const) {
      const times = s.fastestMs[method];
      if (times.length === 0) continue;
      const share = (s.graphs[method].gigaflop / Math.min(...times)) * 1e3;
      lines.push(
        `  ${method}: ${share.toFixed(0)} GFLOP/s at its fastest, ${((100 * share) / r.peak).toFixed(0)} % of the matrix peak ${r.peak.toFixed(0)}`,
      );
    }
  }
  lines.push('a night of real size: npm run bench:night');
  lines.push(
    `temporal module: ${given.temporal}; machine: ${r.machine.cores} cores, ${r.threads} threads each, load ${r.machine.loadBefore!.toFixed(1)} before`,
  );
  return lines.join('\n');
}

async function measure(log: (line: string) => void) {
  const wanted = listOf('sizes', given.sizes, SIZES);
  const [loadBefore] = loadavg();
  const cache = fileURLToPath(new URL('../.cache/', import.meta.url));
  const requirements = fileURLToPath(new URL('peers/requirements.txt', import.meta.url));
  const python = preparePython(requirements, `${cache}bench-venv`, log);
  const threads = atLeastOne('threads', given.threads);
  const found = [];
  // At one moment alone the machine may be slow.
  let peak = await matrixPeak(threads);
  for (const size of wanted) {
    found.push(await measureSize(size, { cache, python, log }));
    peak = Math.max(peak, await matrixPeak(threads));
  }
  return {
    sizes: found,
    peak: peak / 1e9,
    threads,
    machine: { cores: availableParallelism(), architecture: process.arch, loadBefore },
  };
}

try {
  const result = await measure((line) => console.error(line));
  console.log(given.json ? JSON.stringify(result) : report(result));
  if (result.sizes.some(({ largestGap }) => !(largestGap <= LARGEST_GAP))) {
    console.error(`losses disagree by more than ${LARGEST_GAP}`);
    process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof EnvironmentError || error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
