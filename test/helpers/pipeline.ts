import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type CliResult, finished, startVamo, vamo, VAMO } from './cli.ts';

type Json = Record<string, unknown>;

const root = fileURLToPath(new URL('../../', import.meta.url));
const defaults = JSON.parse(await readFile(`${root}config/default.json`, 'utf8')) as {
  readonly tasks: readonly Json[];
  readonly simulator: { readonly tasks: readonly (Json & { readonly id: string })[] };
};

/** Few campaigns and steps, many faults: a whole night in a few seconds. */
const TINY = {
  days: { latenessMs: 600_000 },
  window: { train: 2, validation: 1, test: 1, history: 1 },
  model: {
    hidden: 8,
    layers: 1,
    heads: 2,
    feedForward: 16,
    labelEmbedding: 4,
    headHidden: 8,
    inverseHidden: 8,
  },
  training: {
    batch: 8,
    steps: 24,
    fineTuneSteps: 8,
    evaluateEvery: 12,
    checkpointEvery: 4,
    threads: 1,
  },
  fleet: { bidders: 1, pollMs: 50 },
  simulator: {
    auctionsPerDay: 240,
    tasks: defaults.simulator.tasks.map((task) => ({ ...task, campaigns: 5 })),
    faults: { lateShare: 0.1, lateMaxMs: 2_400_000, duplicateShare: 0.01 },
  },
} as const;

/** A fourth task, in configuration alone: another reward and other campaigns. */
export const FOURTH_TASK = {
  tasks: [...defaults.tasks, { id: 'repeat', reward: 'gmv', unitPrice: 0.3 }],
  simulator: {
    tasks: [
      ...TINY.simulator.tasks,
      { ...TINY.simulator.tasks[0], id: 'repeat', ticket: 40, peakStep: 70 },
    ],
  },
};

/** The days that `DAYS` simulated days close: the last one still waits for its late records. */
const DAYS = 6;
export const SEALED = ['2026-01-05', '2026-01-06', '2026-01-07', '2026-01-08', '2026-01-09'];

export interface DayReport {
  readonly day: string;
  readonly records: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly late: number;
  readonly dead_lettered: number;
  readonly replayed: number;
  readonly digest: string | null;
  readonly generation: number | null;
}

export interface Versions {
  readonly champion: string | null;
  readonly versions: readonly {
    readonly version: string;
    readonly digest: string;
    readonly live: boolean;
  }[];
  readonly releases: readonly Json[];
  readonly refused: readonly Json[];
}

/** What a failed command prints on stdout with --json. */
export interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly mend: string };
}

/** A data directory and the commands on it. */
export interface Night {
  readonly data: string;
  /** Arguments that name this data directory and its configuration. */
  readonly where: readonly string[];
  /** Runs a command with --json: it must exit 0 and print one JSON object. */
  ok<T = Json>(...args: readonly string[]): Promise<T>;
  /** Runs a command with --json that must exit 1 with this error code, and print its mend. */
  fails(code: string, ...args: readonly string[]): Promise<Failure['error']>;
  run(...args: readonly string[]): Promise<CliResult>;
  start(...args: readonly string[]): ChildProcess;
  /** The same data directory, copied. */
  copy(): Promise<Night>;
  /** The same data directory under configuration merged over this one's. */
  with(config: Json): Promise<Night>;
}

/** Exactly one JSON object and nothing else. */
function onlyJson(stdout: string): unknown {
  expect(stdout.trimEnd().split('\n'), stdout).toHaveLength(1);
  const value: unknown = JSON.parse(stdout);
  expect(value).toBeTypeOf('object');
  return value;
}

function failureOf(result: CliResult, code: string, exit: number): Failure['error'] {
  const { error } = onlyJson(result.stdout) as Failure;
  expect([error.code, result.code], result.stderr).toEqual([code, exit]);
  expect(result.stderr).toContain(`${code}: ${error.message}\n  ${error.mend}\n`);
  expect(error.mend.length).toBeGreaterThan(0);
  return error;
}

export const interrupted = (result: CliResult): Failure['error'] =>
  failureOf(result, 'INTERRUPTED', 130);

/** Folders of data directories that end with the test file. */
export interface Workshop {
  night(config?: Json): Promise<Night>;
  clean(): Promise<void>;
}

export async function openWorkshop(): Promise<Workshop> {
  const base = await mkdtemp(join(tmpdir(), 'vamo-pipeline-'));
  let count = 0;
  function nightAt(data: string, configs: readonly string[]): Night {
    const where = ['--data', data, ...configs.flatMap((file) => ['--config', file])];
    const run = (...args: readonly string[]) => vamo(...args, '--json', ...where);
    return {
      data,
      where,
      run,
      start: (...args) => startVamo([...args, '--json', ...where]),
      async ok<T>(...args: readonly string[]) {
        const result = await run(...args);
        expect(result.code, `${args.join(' ')}: ${result.stderr}`).toBe(0);
        return onlyJson(result.stdout) as T;
      },
      fails: async (code, ...args) => failureOf(await run(...args), code, 1),
      async copy() {
        const to = join(base, `n${String(count++)}`);
        await cp(data, to, { recursive: true });
        return nightAt(to, configs);
      },
      async with(config) {
        const file = join(base, `c${String(count++)}.json`);
        await writeFile(file, JSON.stringify(config));
        return nightAt(data, [...configs, file]);
      },
    };
  }
  return {
    async night(config = {}) {
      const tiny = join(base, 'tiny.json');
      await writeFile(tiny, JSON.stringify(TINY));
      const night = nightAt(join(base, `n${String(count++)}`), [tiny]);
      return night.with(config);
    },
    clean: () => rm(base, { recursive: true, force: true }),
  };
}

interface SealResult {
  readonly sealed: readonly {
    readonly day: string;
    readonly digest: string;
    readonly stepsDigest: string;
  }[];
}

/** What must be equal when two data directories hold the same days. */
export type DayDigests = Record<string, string>;

/** Digests of the sealed days, from their manifests. */
export async function sealedDigests({ data }: Night): Promise<DayDigests> {
  const digests: DayDigests = {};
  for (const day of SEALED) {
    const text = await readFile(join(data, 'days', day, 'g0001', 'manifest.json'), 'utf8');
    const { digest, stepsDigest } = JSON.parse(text) as SealResult['sealed'][number];
    digests[day] = `${digest}/${stepsDigest}`;
  }
  return digests;
}

/** Simulated days until enough are there, also after an interrupted simulation. */
export async function simulate(night: Night): Promise<void> {
  const state = await readFile(join(night.data, 'simulation.json'), 'utf8').catch(() => '{}');
  const { nextDay = 0 } = JSON.parse(state) as { nextDay?: number };
  if (nextDay < DAYS) await night.ok('simulate', '--days', String(DAYS - nextDay));
}

/** From nothing to sealed days. */
export async function closeDays(night: Night): Promise<DayDigests> {
  await simulate(night);
  await night.ok('ingest');
  await night.ok<SealResult>('seal');
  return sealedDigests(night);
}

/** Trains; the digest of the candidate's files. */
export async function train(night: Night, ...args: readonly string[]): Promise<string> {
  const { outcome } = await night.ok<{ outcome: { digest: string } }>('train', ...args);
  return outcome.digest;
}

/** Releases the run that finished last, whatever the gate says; the checkpoint's digest. */
export async function publish(night: Night): Promise<string> {
  const args = ['--override', '--reason', 'first night', '--actor', 'tester'];
  const { digest } = await night.ok<{ digest: string }>('publish', ...args);
  return digest;
}

/** The paths of files under a folder of a data directory, relative to it. */
export async function filesUnder({ data }: Night, folder: string): Promise<string[]> {
  const found = await readdir(join(data, folder), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(data.length + 1))
    .sort();
}

/** Runs a command as `vamo` under a limit on the size of any file it writes, in KiB. */
function underLimit(kib: number, night: Night, ...args: readonly string[]) {
  const command = [process.execPath, VAMO];
  const child = spawn(
    'bash',
    [
      '-c',
      `ulimit -f ${String(kib)}; exec "$@"`,
      '--',
      ...command,
      ...args,
      '--json',
      ...night.where,
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return finished(child);
}

/** The disk was full: exit 1, STORE_FULL. */
export async function fullUnder(kib: number, night: Night, ...args: readonly string[]) {
  return failureOf(await underLimit(kib, night, ...args), 'STORE_FULL', 1);
}

/** Sends a signal once the condition holds, and gives what the process then came to. */
export async function stopWhen(
  child: ChildProcess,
  signal: NodeJS.Signals,
  condition: () => Promise<boolean>,
): Promise<CliResult & { readonly stoppedMs: number }> {
  const result = finished(child);
  while (child.exitCode === null && !(await condition()))
    await new Promise((resolve) => setTimeout(resolve, 3));
  const sent = performance.now();
  child.kill(signal);
  return { ...(await result), stoppedMs: performance.now() - sent };
}

export const exists = (night: Night, path: string): Promise<boolean> =>
  stat(join(night.data, path)).then(
    () => true,
    () => false,
  );

/** Flips one bit in the middle of a file; gives back a function that restores it. */
export async function flipBit({ data }: Night, file: string): Promise<() => Promise<void>> {
  const path = join(data, file);
  const bytes = await readFile(path);
  const damaged = Buffer.from(bytes);
  const at = bytes.length >> 1;
  damaged[at] = (damaged[at] ?? 0) ^ 4;
  await rm(path);
  await writeFile(path, damaged);
  return () => writeFile(path, bytes);
}
