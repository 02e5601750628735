import { limitOf } from '../../contracts/index.ts';
import type { DayKey } from '../../core/index.ts';
import { type BuildOptions, followDays, lateOnlyRows, readLive } from '../../days/index.ts';
import { findOrphans, type ObjectStore } from '../../store/index.ts';
import { type Metric, single } from './prometheus.ts';

/** What the store tells about days: from ledgers, manifests and listings, no engine. */
export interface DayFigures {
  readonly open: number;
  readonly sealed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly accepted: number;
  /** How long the oldest day that is due waits for its seal, ms; 0 = none. */
  readonly sealDelayMs: number;
  readonly orphans: number;
  readonly orphanBytes: number;
}

interface Orphans {
  readonly files: number;
  readonly bytes: number;
}

/** Files that no ledger entry names, from the second look on: a flush in progress has some too. */
function createOrphanWatch(store: ObjectStore): () => Promise<Orphans> {
  let seen = new Map<string, number | undefined>();
  return async () => {
    const now = new Map<string, number | undefined>();
    let [files, bytes] = [0, 0];
    for (const key of await findOrphans(store)) {
      const size = seen.has(key) ? (seen.get(key) ?? (await store.get(key)).byteLength) : undefined;
      now.set(key, size);
      if (size === undefined) continue;
      files += 1;
      bytes += size;
    }
    seen = now;
    return { files, bytes };
  };
}

/** The newest answer of `work`, asked again once that is `everyMs` old; who asks meanwhile waits for it. */
function atMostEvery<T>(
  everyMs: number,
  now: () => number,
  work: () => Promise<T>,
): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let isRunning = false;
  let endedMs = 0;
  return () => {
    if (answer === undefined || (!isRunning && now() - endedMs >= everyMs)) {
      isRunning = true;
      answer = work().finally(() => {
        isRunning = false;
        endedMs = now();
      });
    }
    return answer;
  };
}

/**
 * Reads the figures of a store, at most once in `everyMs`: what was committed and sealed since. A day
 * of which all rows are late is open and not due: no seal comes to it by itself.
 * @param orphansEveryMs a look for orphans lists every file, and reads every ledger
 */
export function createDayFigures(options: {
  readonly store: ObjectStore;
  readonly config: Pick<BuildOptions['config'], 'days' | 'source'>;
  readonly now: () => number;
  readonly everyMs: number;
  readonly orphansEveryMs: number;
}): () => Promise<DayFigures> {
  const { store, config, now, everyMs, orphansEveryMs } = options;
  const orphans = atMostEvery(orphansEveryMs, now, createOrphanWatch(store));
  const reports = followDays(store);
  /** What is committed later lies behind the cut too: such a day stays one. */
  const lateOnly = new Set<DayKey>();

  /** When the days were due that `vamo seal` has yet to make, ms. */
  async function dueTimes(open: readonly DayKey[]): Promise<number[]> {
    const times = open.map((day) => ({ day, dueMs: limitOf({ day, ...config.days }) }));
    const passed = times.filter(({ day, dueMs }) => dueMs < now() && !lateOnly.has(day));
    if (passed.length === 0) return [];
    const live = await readLive(store, config.source);
    const due: number[] = [];
    for (const { day, dueMs } of passed)
      if ((await lateOnlyRows(store, live, { day, days: config.days })) === undefined)
        due.push(dueMs);
      else lateOnly.add(day);
    return due;
  }

  return atMostEvery(everyMs, now, async () => {
    const days = await reports();
    const left = await orphans();
    const sum = (of: (day: (typeof days)[number]) => number | null): number =>
      days.reduce((total, day) => total + (of(day) ?? 0), 0);
    const open = days.filter((day) => !day.sealed);
    const due = await dueTimes(open.map(({ day }) => day));
    return {
      open: open.length,
      sealed: days.length - open.length,
      late: sum((day) => day.late),
      duplicate: sum((day) => day.duplicate),
      accepted: sum((day) => day.accepted),
      sealDelayMs: Math.max(0, ...due.map((ms) => now() - ms)),
      orphans: left.files,
      orphanBytes: left.bytes,
    };
  });
}

export function dayMetrics(figures: DayFigures | undefined): Metric[] {
  const gauge = (name: string, help: string, value: number | undefined): Metric =>
    single(name, 'gauge', help, value);
  return [
    gauge('vamo_days_open', 'Days with committed events that are not sealed', figures?.open),
    gauge('vamo_days_sealed', 'Sealed days', figures?.sealed),
    gauge('vamo_days_accepted_rows', 'Rows of all sealed days', figures?.accepted),
    gauge('vamo_days_late_rows', 'Rows behind the cut of their sealed day', figures?.late),
    gauge('vamo_days_duplicate_rows', 'Duplicates removed by seals', figures?.duplicate),
    gauge(
      'vamo_seal_delay_seconds',
      'How long the oldest day that is due waits for its seal',
      figures && figures.sealDelayMs / 1000,
    ),
    gauge('vamo_store_orphan_files', 'Files that no ledger entry names', figures?.orphans),
    gauge('vamo_store_orphan_bytes', 'Bytes of such files', figures?.orphanBytes),
  ];
}
