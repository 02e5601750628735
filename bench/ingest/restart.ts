import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { openDataDirectory, openLedger } from '../../src/store/index.ts';
import type { Job, Used } from './job.ts';
import { type Course, lastLine, node } from './run.ts';

/** Shorter than the default, so that the bench need not wait for it. */
const SESSION_MS = 6000;
const LOOK_MS = 20;
const LIMIT_MS = 60_000;

export interface Restart {
  readonly sessionSeconds: number;
  /** From the kill, and the start of the next process at once, to the first commit after it. */
  readonly seconds: number;
}

/**
 * Kills an ingester after its first commit, starts another in its place at once, and tells when that
 * one commits. @throws Error when rows are lost or doubled
 */
export async function timeRestart(course: Course): Promise<Restart> {
  const { folder, brokers, topic, rows, partitions } = course;
  mkdirSync(folder, { recursive: true });
  const root = mkdtempSync(`${folder}/restart-`);
  const group = root.split('/').at(-1) ?? 'restart';
  const job: Job = { brokers, topic, rows, partitions, group, root, sessionTimeoutMs: SESSION_MS };
  const { store } = await openDataDirectory(root);
  const committed = async (): Promise<number> => {
    let sum = 0;
    for (let p = 0; p < partitions; p++) sum += Number(await openLedger(store, topic, p).tail());
    return sum;
  };
  const beyond = async (before: number): Promise<number> => {
    const began = performance.now();
    for (;;) {
      const now = await committed();
      if (now > before) return now;
      if (performance.now() - began > LIMIT_MS) throw new Error('no commit within a minute');
      await wait(LOOK_MS);
    }
  };
  try {
    const [program = '', ...rest] = node('vamo-child.js');
    const first = spawn(program, [...rest, JSON.stringify(job)], { stdio: 'ignore' });
    const ended = once(first, 'exit');
    await beyond(0);
    first.kill('SIGKILL');
    await ended;
    const began = performance.now();
    const before = await committed();
    if (before === rows) throw new RangeError(`--rows ${rows}: too few to be killed among them`);
    const second = lastLine<Used>(node('vamo-child.js'), job);
    await beyond(before);
    const seconds = (performance.now() - began) / 1000;
    const after = (await second).rows;
    if (before + after !== rows) throw new Error(`${before} and ${after} rows of ${rows} records`);
    return { sessionSeconds: SESSION_MS / 1000, seconds };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
