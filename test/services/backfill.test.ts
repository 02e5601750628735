import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  listSealedDays,
  openDirectoryStore,
  openStepsFile,
  readDayLog,
  readManifest,
} from '../../src/store/index.ts';
import { dayKey, sha256 } from '../../src/core/index.ts';
import { vamo } from '../helpers/cli.ts';
import { type Broker, brokerMissing, startBroker } from '../helpers/kafka.ts';
import {
  type DayReport,
  filesUnder,
  type Night,
  openWorkshop,
  stopWhen,
  type Workshop,
} from '../helpers/pipeline.ts';

const missing = brokerMissing();
if (missing !== undefined) {
  if (process.env['CI'] === 'true') throw new Error(missing);
  console.warn(`\n*** KAFKA BACKFILL TESTS SKIPPED: ${missing} ***\n`);
}

const DAYS = ['2026-01-05', '2026-01-06', '2026-01-07'];
const RANGE = ['--from', DAYS[0]!, '--to', DAYS[2]!];

interface Done {
  readonly id: string;
  readonly alreadyDone: boolean;
  readonly published: readonly { readonly day: string; readonly digest: string }[];
}
interface Verified {
  readonly differing: number;
  readonly days: readonly { readonly generation: number }[];
}

/** What the queryable copy holds of each day: rows, and their hashes summed. */
async function copyOf(night: Night): Promise<unknown[]> {
  const sql =
    'SELECT toString(day) AS day, count() AS rows, toString(sum(cityHash64(*))) AS hash FROM events GROUP BY day ORDER BY day';
  return (await night.ok<{ rows: unknown[] }>('days', '--sql', sql)).rows;
}

async function report(night: Night): Promise<DayReport[]> {
  const { days } = await night.ok<{ days: DayReport[] }>('days');
  return days.filter(({ day }) => DAYS.includes(day));
}

/** Everything a trainer reads of the pinned generations. */
async function trainingSet(night: Night, generation: number): Promise<string> {
  const store = await openDirectoryStore(night.data);
  const parts: string[] = [];
  for (const day of DAYS) {
    const manifest = await readManifest(store, dayKey(day), generation);
    const steps = await openStepsFile(store, manifest);
    for (const [i] of steps.campaigns.entries()) parts.push(JSON.stringify(steps.read(i)));
    steps.close();
    parts.push(JSON.stringify(await readDayLog(store, manifest)));
  }
  return sha256(parts.join());
}

describe.skipIf(missing !== undefined)('a backfill from a topic', () => {
  let broker: Broker;
  let workshop: Workshop;
  /** Reads and seals the topic; and one that has nothing of its own. */
  let live: Night;
  let empty: Night;
  beforeAll(async () => {
    workshop = await openWorkshop();
    broker = await startBroker();
    const config = {
      source: {
        kind: 'kafka',
        topic: 'past',
        partitions: 2,
        kafka: { brokers: [broker.address], sessionTimeoutMs: 3000 },
      },
      ingest: { flushRows: 200 },
      simulator: { auctionsPerDay: 60 },
    };
    live = await workshop.night(config);
    empty = await workshop.night(config);
    await live.ok('simulate', '--days', '4');
    await live.ok('ingest');
    await live.ok('seal');
  }, 240_000);
  afterAll(async () => {
    await broker.wipe();
    await workshop.clean();
  });

  it('adds generations, twice changes nothing, undone gives the former ones', async () => {
    const before = await report(live);
    const copy = await copyOf(live);
    const pinned = await trainingSet(live, 1);
    expect(before.map((d) => [d.day, d.generation])).toEqual(DAYS.map((day) => [day, 1]));
    expect(before.some((d) => d.late > 0)).toBe(true);

    interface Planned {
      readonly plan: { readonly id: string; readonly source: { readonly isWhole: boolean } };
    }
    const planned = await live.ok<Planned>('backfill', ...RANGE, '--dry-run');
    expect(planned.plan.source.isWhole).toBe(true);
    const text = await vamo('backfill', ...RANGE, '--mode', 'replace', '--dry-run', ...live.where);
    expect(text.stdout).toMatch(/topic \S+, \d+ partitions, \d+ records\n/);
    expect(text.stdout).toMatch(
      /^records that arrived from 2026-01-04T\S+Z to 2026-01-08T\S+Z are/m,
    );
    expect(text.stdout).toContain('rows that arrived later are not');
    // Nothing has arrived after the last day: its later conversions may still come.
    const recent = ['--from', '2026-01-08', '--to', '2026-01-08'] as const;
    const open = await empty.ok<Planned>('backfill', ...recent, '--dry-run');
    expect(open.plan.source.isWhole).toBe(false);
    await live.fails('DAY_UNSEALED', 'backfill', ...recent, '--dry-run');
    const first = await live.ok<Done>('backfill', ...RANGE);
    expect(first.id).toBe(planned.plan.id);
    const merged = await report(live);
    for (const [i, day] of merged.entries()) {
      // The topic has the late rows too, and every other row once more.
      expect(day.generation).toBe(2);
      expect(day.accepted).toBe(before[i]!.accepted + before[i]!.late);
    }
    const changed = await copyOf(live);
    expect(changed).not.toEqual(copy);
    expect(await live.ok<Verified>('verify')).toMatchObject({ differing: 0 });

    expect(await live.ok<Done>('backfill', ...RANGE)).toMatchObject({ alreadyDone: true });
    expect(await copyOf(live)).toEqual(changed);
    expect(await report(live)).toEqual(merged);
    expect(await trainingSet(live, 1)).toBe(pinned);

    await live.ok('backfill', '--undo', first.id);
    const undone = await report(live);
    const same = ({ accepted, late, digest, records }: DayReport) => [
      accepted,
      late,
      digest,
      records,
    ];
    expect(undone.map(same)).toEqual(before.map(same));
    expect(undone.map((d) => d.generation)).toEqual([3, 3, 3]);
    expect(await copyOf(live)).toEqual(copy);
    expect(await live.ok<Verified>('verify')).toMatchObject({
      differing: 0,
      days: DAYS.map(() => ({ generation: 3 })),
    });
    expect(await trainingSet(live, 1)).toBe(pinned);
    expect(await trainingSet(live, 3)).toBe(pinned);
  }, 240_000);

  it('killed while it reads and while it publishes goes on and ends with the same digests', async () => {
    const ledger = async (): Promise<boolean> =>
      (await filesUnder(empty, 'backfill')).some((path) => path.includes('/ledger/'));
    const manifest = async (): Promise<boolean> =>
      (await filesUnder(empty, 'days')).some((path) => path.endsWith('manifest.json'));
    for (const isThere of [ledger, manifest]) {
      const killed = await stopWhen(empty.start('backfill', ...RANGE), 'SIGKILL', isThere);
      expect([killed.code, killed.stdout]).toEqual([null, '']);
    }
    expect(await listSealedDays(await openDirectoryStore(empty.data))).not.toHaveLength(3);
    const resumed = await empty.ok<Done>('backfill', ...RANGE);
    // Merged with the live rows of the same topic, the days are the same.
    const store = await openDirectoryStore(live.data);
    for (const { day, digest } of resumed.published)
      expect(digest).toBe((await readManifest(store, dayKey(day), 2)).digest);
    expect(resumed.published.map(({ day }) => day)).toEqual(DAYS);
    expect((await report(empty)).map((d) => d.generation)).toEqual([1, 1, 1]);
    expect(await empty.ok<Verified>('verify')).toMatchObject({ differing: 0 });
  }, 240_000);
});
