import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedded } from '../../src/clickhouse/index.ts';
import {
  listSealedDays,
  openDataDirectory,
  openDirectoryStore,
  withdrawDay,
} from '../../src/store/index.ts';
import { finished, vamo } from '../helpers/cli.ts';
import {
  type DayReport,
  filesUnder,
  type Night,
  openWorkshop,
  stopWhen,
  type Workshop,
} from '../helpers/pipeline.ts';

const DAY = '2026-01-05';
const NEXT = '2026-01-06';
const RANGE = ['--from', DAY, '--to', NEXT];

interface Done {
  readonly id: string;
  readonly stats: { readonly records: number; readonly deadLetters: number };
  readonly published: readonly { readonly day: string; readonly digest: string }[];
  readonly withoutEvents: readonly string[];
}

/** One day as `vamo days DAY` gives it. */
interface Day {
  readonly days: readonly DayReport[];
  readonly bad: readonly {
    readonly reason: string;
    readonly records: number;
    readonly replayed: number;
    readonly file: string;
  }[];
}
const sumOf = (bad: Day['bad'], of: 'records' | 'replayed'): number =>
  bad.reduce((sum, one) => sum + one[of], 0);
const replay = (day: string) => ['backfill', '--from', day, '--to', day, '--dead-letters'] as const;

let workshop: Workshop;
/** Two days, sealed, with no row late and some records that are no events. */
let live: Night;
let reports: DayReport[];
const CONFIG = {
  ingest: { maxBadShare: 1 },
  simulator: {
    auctionsPerDay: 60,
    faults: { lateShare: 0, duplicateShare: 0.01, poisonPerDay: 2 },
  },
};
const reportsOf = async (night: Night): Promise<DayReport[]> =>
  (await night.ok<{ days: DayReport[] }>('days')).days.filter(
    (d) => d.day === DAY || d.day === NEXT,
  );
const digests = (done: Done) => done.published.map(({ digest }) => digest);

beforeAll(async () => {
  workshop = await openWorkshop();
  live = await workshop.night(CONFIG);
  await live.ok('simulate', '--days', '3');
  await live.ok('ingest');
  await live.ok('seal');
  reports = await reportsOf(live);
}, 120_000);
afterAll(() => workshop.clean());

const expected = () => reports.map(({ digest }) => digest);

describe.concurrent('a backfill from files', { timeout: 120_000 }, () => {
  it('of lines of JSON, compressed and not, is the day that was sealed from them', async () => {
    const logs = (await filesUnder(live, 'log')).filter((path) => path.endsWith('.jsonl'));
    const night = await workshop.night(CONFIG);
    await night.fails('DATA_EMPTY', 'days');
    const folder = join(live.data, 'exported');
    await writeFile(`${folder}-0.jsonl.gz`, gzipSync(await readFile(join(live.data, logs[0]!))));
    for (const [i, path] of logs.slice(1).entries())
      await writeFile(`${folder}-${i + 1}.jsonl`, await readFile(join(live.data, path)));
    const done = await night.ok<Done>('backfill', ...RANGE, '--files', `${folder}-*`);
    expect(digests(done)).toEqual(expected());
    expect(done.stats.deadLetters).toBeGreaterThan(3);
    const found = await reportsOf(night);
    expect(found.map((d) => [d.accepted, d.dead_lettered])).toEqual(
      reports.map((d) => [d.accepted, d.dead_lettered]),
    );
    const { bad } = await night.ok<Day>('days', DAY);
    expect(sumOf(bad, 'records')).toBe(found[0]!.dead_lettered);
    for (const { file } of bad) {
      expect(file).toContain(`backfill/${done.id}/dlq/files-`);
      expect(await readFile(join(night.data, file), 'utf8')).toContain('"reason":');
    }

    const killed = await workshop.night(CONFIG);
    const same = ['backfill', ...RANGE, '--files', `${folder}-*`];
    const isRead = async () =>
      (await filesUnder(killed, 'backfill')).some((path) => path.includes('/ledger/'));
    expect((await stopWhen(killed.start(...same), 'SIGKILL', isRead)).code).toBe(null);
    const resumed = await killed.ok<Done>(...same);
    expect([resumed.stats, digests(resumed)]).toEqual([done.stats, expected()]);

    const { message, mend } = await night.fails('BACKFILL_INVALID', ...replay(DAY));
    expect([message, mend]).toEqual([
      expect.stringContaining('no dead letter of the source'),
      expect.stringContaining('undo it'),
    ]);
  });

  it('of sealed Arrow files of another data directory is the same day', async () => {
    const night = await workshop.night(CONFIG);
    const files = join(live.data, 'days/*/g0001/events-*.arrow');
    const longer = ['--from', DAY, '--to', '2026-01-09'];
    const done = await night.ok<Done>('backfill', ...longer, '--files', files);
    expect(digests(done)).toEqual(expected());
    expect(done.withoutEvents).toEqual(['2026-01-07', '2026-01-08', '2026-01-09']);
    expect(await filesUnder(night, 'work/backfill')).toEqual([]);
    expect((await night.ok<{ differing: number }>('verify')).differing).toBe(0);

    await rm(join(night.data, `days/${NEXT}/g0001/manifest.json`));
    const { code, stdout } = await night.run('verify');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      days: [
        { day: DAY, generation: 1, differences: [] },
        {
          day: NEXT,
          generation: null,
          differences: [
            {
              what: `days/${NEXT}/g0001/manifest.json`,
              recorded: `loaded into ClickHouse; made by backfill ${done.id}`,
            },
            { what: `${NEXT} in ClickHouse`, found: 'loaded from generation 1' },
          ],
        },
      ],
      differing: 1,
    });
  });

  it('of Parquet is the same day, by two processes at once too', async () => {
    const night = await workshop.night(CONFIG);
    const folder = join(live.data, 'parquet');
    await mkdir(folder);
    const sealed = (await filesUnder(live, 'days')).filter((path) => /events-.*arrow$/.test(path));
    const engine = await openEmbedded(join(folder, 'engine'));
    for (const [i, path] of sealed.entries())
      await engine.command(`INSERT INTO FUNCTION file('${folder}/${i}.parquet', Parquet)
        SELECT * FROM file('${join(live.data, path)}', Arrow) SETTINGS max_threads = 1`);
    await engine.close();
    const args = ['backfill', ...RANGE, '--files', join(folder, '*.parquet')] as const;

    const slow = night.start(...args);
    const slowly = finished(slow);
    const isConverted = async (): Promise<boolean> =>
      (await filesUnder(night, 'work/backfill')).some((path) => path.endsWith('.jsonl'));
    while (slow.exitCode === null && !(await isConverted())) await sleep(3);
    slow.kill('SIGSTOP');
    const quick = await night.ok<Done>(...args);
    expect(digests(quick)).toEqual(expected());
    slow.kill('SIGCONT');
    const { code, stdout, stderr } = await slowly;
    expect(code, stderr).toBe(0);
    expect(digests(JSON.parse(stdout) as Done)).toEqual(expected());
    expect(await filesUnder(night, 'work/backfill')).toEqual([]);
    expect((await reportsOf(night)).map(({ generation }) => generation)).toEqual([1, 1]);
  });

  it('is refused before anything is written, tells what it replaces, and is listed by its age', async () => {
    const night = await live.copy();
    const files = join(live.data, 'days/*/g0001/events-*.arrow');
    const from = (day: string, to: string) =>
      ['backfill', '--from', day, '--to', to, '--files', files] as const;
    const OPEN = '2026-01-07';
    for (const dry of [['--dry-run'], []])
      await night.fails('DAY_UNSEALED', ...from(NEXT, OPEN), ...dry);
    expect(await night.ok('backfill', '--list')).toEqual({ backfills: [] });

    const rows = reports[1]!.accepted;
    const present = { day: NEXT, generation: 1, rows };
    const replacing = ['--mode', 'replace'] as const;
    expect(await night.ok(...from(NEXT, NEXT), ...replacing, '--dry-run')).toMatchObject({
      days: [{ ...present, replaced: rows }],
    });
    expect(await night.ok(...from(NEXT, NEXT), '--dry-run')).toMatchObject({
      days: [{ ...present, replaced: 0 }],
    });
    const text = await vamo(...from(NEXT, NEXT), '--dry-run', ...night.where);
    expect(text.stdout).toMatch(/: \d+ files, \d+ bytes\n/);
    const { stdout, stderr } = await night.run(...from(NEXT, NEXT), ...replacing);
    expect(stderr).toMatch(/^ {2}read \(bytes\) (\d+)\/\1$/m);
    const first = JSON.parse(stdout) as Done;
    expect(first.published).toMatchObject([{ day: NEXT, rows: { before: rows, after: rows } }]);
    expect(stderr).toContain(`build ${NEXT} 4/4 published\n`);
    const second = await night.ok<Done>(...from(DAY, NEXT));
    const { mend } = await night.fails('BACKFILL_BUILT_ON', 'backfill', '--undo', first.id);
    expect(mend).toContain(`--undo ${second.id}`);
    const done = { state: 'done', plannedAt: expect.stringMatching(/^20.*Z$/) as string };
    expect(await night.ok('backfill', '--list')).toMatchObject({
      backfills: [
        { ...done, id: first.id, days: [{ day: NEXT, rows: { before: rows, after: rows } }] },
        { ...done, id: second.id },
      ],
    });
    expect(await night.ok('seal', '--day', NEXT)).toMatchObject({
      sealed: [],
      already: [{ day: NEXT, generation: 3 }],
    });
  });

  it('of an unknown form, without a mapping or without a file is refused and makes nothing', async () => {
    const night = await workshop.night(CONFIG);
    const unknown = join(live.data, 'format.csv');
    await writeFile(unknown, 'a,b\n');
    const from = (files: string) => ['backfill', ...RANGE, '--files', files] as const;
    const refused = await night.fails('BACKFILL_INVALID', ...from(unknown));
    expect([refused.message, refused.mend]).toEqual([
      expect.stringContaining('format.csv'),
      expect.stringContaining('--mapping'),
    ]);
    await night.fails('INGEST_SOURCE', ...from(join(live.data, 'none-*.jsonl')));
    for (const [name, code, what, mend] of [
      ['a.jsonl.xz', 'INGEST_SOURCE', '.xz is not read', 'unxz'],
      ['a.parquet.gz', 'BACKFILL_INVALID', 'parquet is read as it is', 'Decompress'],
    ] as const) {
      await writeFile(join(live.data, name), 'x');
      const packed = await night.fails(code, ...from(join(live.data, name)));
      expect(packed.message).toContain(what);
      expect(packed.mend).toContain(mend);
    }
    expect(await filesUnder(night, 'backfill')).toEqual([]);
  });
});

describe('dead letters', () => {
  it('that are events by now become rows; the others stay, with their reason', async () => {
    const { tasks, simulator } = JSON.parse(
      await readFile(new URL('../../config/default.json', import.meta.url), 'utf8'),
    ) as Record<'tasks', { id: string }[]> & { simulator: { tasks: { id: string }[] } };
    const isNot = ({ id }: { readonly id: string }): boolean => id !== 'cart';
    const night = await workshop.night(CONFIG);
    const narrow = await night.with({
      source: { directory: join(live.data, 'log') },
      tasks: tasks.filter(isNot),
      simulator: { tasks: simulator.tasks.filter(isNot) },
    });
    await narrow.ok('ingest');
    await narrow.ok('seal');
    const before = await reportsOf(narrow);
    expect(before.every((d, i) => d.accepted < reports[i]!.accepted)).toBe(true);

    const wide = await night.with({
      source: { directory: join(live.data, 'log') },
      tasks,
      simulator: { tasks: simulator.tasks },
    });
    const done = await wide.ok<Done>('backfill', ...RANGE, '--dead-letters');
    expect(digests(done)).toEqual(expected());
    const after = await reportsOf(wide);
    const parts = ({ records, accepted, dead_lettered, replayed }: DayReport) => [
      records - replayed,
      accepted,
      dead_lettered,
    ];
    expect(after.map(parts)).toEqual(reports.map(parts));
    const [letters] = (await filesUnder(wide, `backfill/${done.id}/dlq`)).slice(0, 1);
    expect(await readFile(join(wide.data, letters!), 'utf8')).toContain('"reason":');
    await wide.ok('backfill', '--undo', done.id);
    expect((await reportsOf(wide)).map(parts)).toEqual(before.map(parts));

    const pieces: string[] = [];
    for (const day of [DAY, NEXT]) pieces.push((await wide.ok<Done>(...replay(day))).id);
    const { days, bad } = await wide.ok<Day>('days', DAY);
    expect(days[0]!.replayed).toBeGreaterThan(0);
    expect(sumOf(bad, 'replayed')).toBe(days[0]!.replayed);
    expect(sumOf(bad, 'records')).toBe(days[0]!.replayed + days[0]!.dead_lettered);
    const isCart = ({ reason }: Day['bad'][number]) => reason.includes('cart');
    expect(bad.filter(isCart).every((one) => one.replayed === one.records)).toBe(true);
    expect(
      sumOf(
        bad.filter((one) => !isCart(one)),
        'replayed',
      ),
    ).toBe(0);
    const again = await wide.ok('backfill', ...RANGE, '--dead-letters');
    expect(again).toMatchObject({ alreadyDone: true, replayedBy: pieces });
  }, 120_000);
});

describe('the queryable copy', { timeout: 120_000 }, () => {
  interface Verified {
    readonly days: readonly { readonly day: string; readonly pending: unknown }[];
    readonly differing: number;
  }
  const isLoaded = (verified: Verified) => verified.days.map(({ pending }) => pending === null);

  it('that is behind differs unless somebody is about to load it', async () => {
    const night = await live.copy();
    await rm(join(night.data, 'clickhouse'), { recursive: true });
    const { code, stdout } = await night.run('verify');
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { differing: 2 }]);
    const sealing = await openDataDirectory(night.data, { role: 'sealer' });
    expect(isLoaded(await night.ok<Verified>('verify'))).toEqual([false, false]);
    await sealing.release();
  });

  it('is waited for by seal and verify while another process has it open', async () => {
    const night = await live.copy();
    await rm(join(night.data, 'clickhouse'), { recursive: true });
    const waiting = async (command: string, meanwhile: () => Promise<void>) => {
      const engine = await openEmbedded(join(night.data, 'clickhouse'));
      const child = night.start(command);
      const ended = finished(child);
      await new Promise<void>((resolve) => {
        child.stderr?.on('data', (chunk: Buffer) => {
          if (chunk.includes('clickhouse.wait')) resolve();
        });
        child.once('close', () => resolve());
      });
      await meanwhile();
      await engine.close();
      return ended;
    };
    expect(await waiting('seal', () => Promise.resolve())).toMatchObject({ code: 0 });
    expect(isLoaded(await night.ok<Verified>('verify'))).toEqual([true, true]);
    // A day that is withdrawn while the copy is looked at is about to leave it.
    const store = await openDirectoryStore(night.data);
    const [first] = await listSealedDays(store);
    const { code, stdout } = await waiting('verify', () => withdrawDay(store, first!.day, 2));
    expect([code, isLoaded(JSON.parse(stdout) as Verified)]).toEqual([0, [false, true]]);
    expect((await night.run('verify')).code).toBe(1);
  });
});
