/**
 * A night of the paper's real size (Table 4: 4,700, 4,200 and 1,200 campaigns a day): days made by
 * the simulator at slot level, sealed, streamed into training. Prints the speed of the training, the
 * peak memory with two and with eight training days, and what that would be on other machines.
 *   --train DAYS  only trains, in this process, and prints JSON (what the script starts itself)
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, parseConfig, loadConfig } from '../src/config/index.ts';
import { silentLogger } from '../src/core/index.ts';
import { sealSteps } from '../src/days/index.ts';
import { trace } from '../src/engine/index.ts';
import { createSlotWorld, dayAt, simulateSlotDay } from '../src/sim/index.ts';
import { openDirectoryStore, readManifest } from '../src/store/index.ts';
import { train } from '../src/trainer/index.ts';
import { datasetOf, normaliserOf, readDays, readHistory } from '../src/trainer/night/days.ts';
import { stepPrograms } from './peers/step-data.ts';
import { benchOptions } from './options.ts';

const CAMPAIGNS = [4700, 4200, 1200];
const EPOCHS = 10;
/** Matrix peaks in GFLOP/s that are reached in practice on small batches, by data sheet and share. */
const OTHERS = [
  { name: 'NVIDIA T4, 8.1 TFLOP/s of float32', gflops: 8100, share: 0.25 },
  { name: 'NVIDIA H100, 67 TFLOP/s of float32', gflops: 67_000, share: 0.15 },
] as const;

const given = benchOptions("Training on days of the paper's real size.", {
  steps: { type: 'string', default: '100' },
  method: { type: 'string', default: 'vamo' },
  train: { type: 'string' },
  json: { type: 'boolean', default: false },
});
const root = fileURLToPath(new URL('../.cache/bench-night/', import.meta.url));

async function nightConfig(): Promise<Config> {
  const config = await loadConfig();
  const tasks = config.simulator.tasks.map((task, k) => ({ ...task, campaigns: CAMPAIGNS[k]! }));
  return parseConfig({
    ...config,
    model: { ...config.model, temporal: { kind: 'timesnet' } },
    simulator: { ...config.simulator, tasks },
  });
}

/** Seals the days that are not there yet. */
async function makeDays(config: Config): Promise<number> {
  const store = await openDirectoryStore(root);
  const { history, train: ofTraining, validation, test } = config.window;
  const count = history + ofTraining + validation + test;
  const first = createSlotWorld({ ...config, simulator: { ...config.simulator, tasks: [] } });
  if (existsSync(join(root, 'days', dayAt(first, count - 1), 'g0001', 'manifest.json')))
    return count;
  const world = createSlotWorld(config);
  for (let index = 0; index < count; index++) {
    const { day, digest } = await sealSteps(store, simulateSlotDay(world, index), config.days);
    console.error(`sealed ${day}, digest ${digest.slice(0, 12)}`);
  }
  return count;
}

/** Trains some steps on the last days of the window with so many training days. */
async function trainSome(config: Config, trainingDays: number, steps: number) {
  const store = await openDirectoryStore(root);
  const { history, train: ofTraining } = config.window;
  const world = createSlotWorld({ ...config, simulator: { ...config.simulator, tasks: [] } });
  const pin = async (from: number, to: number) =>
    Promise.all(
      Array.from({ length: to - from }, async (_, i) => {
        const day = dayAt(world, from + i);
        const { generation, digest, stepsDigest } = await readManifest(store, day);
        return { day, generation, digest, stepsDigest };
      }),
    );
  const end = history + ofTraining;
  const start = end - trainingDays;
  const job = {
    days: {
      history: await pin(start - history, start),
      train: await pin(start, end),
      validation: await pin(end, end + 1),
      test: await pin(end + 1, end + 2),
    },
  };
  const rules = { ...config.market, tasks: config.tasks };
  const began = performance.now();
  const days = await readDays(store, job, { rules, actions: 'logged' });
  const normaliser = normaliserOf(days.train, rules);
  const options = { history: await readHistory(store, job), actions: 'logged' } as const;
  const dataset = datasetOf(days, normaliser, rules, options);
  const prepared = performance.now() - began;
  const directory = await mkdtemp(join(tmpdir(), 'vamo-night-'));
  const times: number[] = [];
  let last = 0;
  await train({
    dataset,
    model: config.model,
    training: {
      ...config.training,
      method: given.method,
      checkpointEvery: 1_000_000,
      engine: 'cpu',
      threads: 0,
    },
    steps,
    seed: 1,
    parent: null,
    runKey: 'bench',
    store: await openDirectoryStore(directory),
    log: silentLogger,
    progress: () => {
      const now = performance.now();
      if (last > 0) times.push(now - last);
      last = now;
    },
  });
  await rm(directory, { recursive: true });
  return {
    trajectories: dataset.splits.train.trajectories.length,
    preparedSeconds: prepared / 1000,
    // The mean: gains are new every few steps, and an evaluation comes every `evaluateEvery`.
    stepMs: times.reduce((sum, ms) => sum + ms, 0) / times.length,
    peakMiB: process.resourceUsage().maxRSS / 1024,
  };
}

type Trained = Awaited<ReturnType<typeof trainSome>>;

function trainedApart(days: number): Trained {
  const script = fileURLToPath(import.meta.url);
  const own = ['--import', 'tsx', script, '--train', String(days)];
  const rest = ['--steps', given.steps, '--method', given.method];
  const { status, stdout } = spawnSync(process.execPath, [...own, ...rest], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`training with ${days} days failed`);
  return JSON.parse(stdout) as Trained;
}

/** Matrix work of a step in FLOP: Vanilla's, and the exact VAMO step's. */
function stepFlops({ model, training }: Config): Readonly<Record<'vanilla' | 'vamo', number>> {
  const { decay: _, ...optimiser } = training.optimiser;
  const work = (programs: ReturnType<typeof stepPrograms>['vamo']): number =>
    programs.reduce((sum, { inputs, fn }) => sum + trace(inputs, fn).flops, 0);
  const { vanilla, vamo } = stepPrograms(model, optimiser);
  return { vanilla: work(vanilla), vamo: work(vamo) };
}

const config = await nightConfig();
const steps = Number(given.steps);
if (given.train !== undefined) {
  console.log(JSON.stringify(await trainSome(config, Number(given.train), steps)));
} else {
  await makeDays(config);
  const [few, all] = [trainedApart(2), trainedApart(config.window.train)];
  const perEpoch = Math.ceil(all.trajectories / config.training.batch);
  const hours = (EPOCHS * perEpoch * all.stepMs) / 3.6e6;
  const flops = stepFlops(config);
  const teraflop = {
    vanilla: (flops.vanilla * EPOCHS * perEpoch) / 1e12,
    vamo: (flops.vamo * EPOCHS * perEpoch) / 1e12,
  };
  const result = { few, all, perEpoch, hours, epochsPerHour: EPOCHS / hours, teraflop };
  if (given.json) console.log(JSON.stringify(result));
  else {
    const line = (name: string, t: Trained): string =>
      `${name}: ${t.trajectories} trajectories read in ${t.preparedSeconds.toFixed(0)} s, ${t.stepMs.toFixed(0)} ms a step, ${t.peakMiB.toFixed(0)} MiB at most`;
    console.log(line('2 training days', few));
    console.log(line(`${config.window.train} training days`, all));
    console.log(
      `${perEpoch} steps an epoch: ${(EPOCHS / hours).toFixed(2)} epochs an hour, ${EPOCHS} epochs in ${hours.toFixed(1)} h on ${availableParallelism()} cores (${given.method})`,
    );
    for (const [method, work] of Object.entries(teraflop)) {
      console.log(`matrix work of ${EPOCHS} epochs, ${method}: ${work.toFixed(0)} TFLOP`);
      for (const { name, gflops, share } of OTHERS)
        console.log(
          `  on paper, ${name} at ${share * 100} % of it: ${((work * 1000) / (gflops * share) / 60).toFixed(1)} min`,
        );
    }
  }
}
