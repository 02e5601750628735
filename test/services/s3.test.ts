import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asLoader, isLoaderAtWork } from '../../src/cli/clickhouse.ts';
import { openEmbedded } from '../../src/clickhouse/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { openDataDirectory } from '../../src/store/index.ts';
import { openS3Store } from '../../src/store/s3-store.ts';
import { openBucket, removeOrphans } from '../../src/store/index.ts';
import {
  closeDays,
  type DayReport,
  exists,
  filesUnder,
  type Night,
  openWorkshop,
  publish,
  SEALED,
  train,
  type Versions,
  type Workshop,
} from '../helpers/pipeline.ts';
import { S3_CREDENTIALS, s3Missing, type S3Service, startS3 } from '../helpers/s3.ts';

const missing = s3Missing();
if (missing !== undefined) {
  if (process.env['CI'] === 'true') throw new Error(missing);
  console.warn(`\n*** S3 TESTS SKIPPED: ${missing} ***\n`);
}

describe.skipIf(missing !== undefined)('a data set in an S3-compatible store', () => {
  let s3: S3Service;
  let workshop: Workshop;
  beforeAll(async () => {
    Object.assign(process.env, S3_CREDENTIALS);
    s3 = await startS3();
    workshop = await openWorkshop();
  }, 240_000);
  afterAll(async () => {
    await s3.stop();
    await workshop.clean();
  });

  it('creates each key for one of many writers, and lists all in byte order', async () => {
    const folder = (await workshop.night()).data;
    const open = () =>
      openS3Store(s3.settings('races'), { cacheFolder: join(folder, 'cache'), pageKeys: 7 });
    const stores = [open(), open()];
    const keys = Array.from({ length: 20 }, (_, i) => `race/day=${i % 3}/t-${i}+a@b,c.json`);
    for (const key of keys) {
      const writers = Array.from({ length: 8 }, (_, i) =>
        stores[i % 2]!.putIfAbsent(key, Buffer.alloc(2000 * i, `${i}`)),
      );
      const won = (await Promise.all(writers)).flatMap((created, i) => (created ? [i] : []));
      expect(won).toHaveLength(1);
      expect((await stores[0]!.get(key)).byteLength).toBe(2000 * won[0]!);
    }
    expect(await stores[1]!.list('race')).toEqual([...keys].sort());
    expect(await stores[1]!.list('race', keys[4])).toEqual(keys.filter((k) => k > keys[4]!).sort());
    expect(await stores[1]!.list('race/day=1')).toHaveLength(7);
    expect(await stores[1]!.folders('race')).toEqual(['day=0', 'day=1', 'day=2']);
    expect(Math.abs((await stores[0]!.modifiedMs(keys[0]!)) - Date.now())).toBeLessThan(60_000);
  });

  it('has one loader for a server on all its hosts, and stages of each', async () => {
    const config = { ...(await loadConfig()), store: s3.settings('ads/loaders') };
    const host = async () => {
      const root = (await workshop.night()).data;
      const { store } = await openDataDirectory(root, { settings: config.store });
      return { root, config, store, now: () => Date.now() };
    };
    const [one, other] = [await host(), await host()];
    const loaderAt = (context: typeof one) =>
      asLoader(context, (loader) => Promise.resolve(loader));
    const [first, second] = [await loaderAt(one), await loaderAt(other)];
    expect(second.owner).toEqual(first.owner);
    expect(second.stage).not.toBe(first.stage);
    expect((await loaderAt(one)).stage).toBe(first.stage);

    const beside = () =>
      asLoader(one, async () => [await isLoaderAtWork(other), await loaderAt(other)] as const);
    expect((await beside())[0]).toBe(false);
    process.env['CLICKHOUSE_URL'] = 'http://ch:8123';
    try {
      const role = expect.stringMatching(/^loader-/) as string;
      await expect(beside()).rejects.toMatchObject({ code: 'DATA_LOCKED', details: { role } });
      expect(await asLoader(one, () => isLoaderAtWork(other))).toBe(true);
      expect(await isLoaderAtWork(other)).toBe(false);
    } finally {
      delete process.env['CLICKHOUSE_URL'];
    }
  });

  it('takes a backfilled day in and back out', async () => {
    const day = SEALED[0]!;
    const range = ['--from', day, '--to', day] as const;
    const local = await workshop.night({ simulator: { auctionsPerDay: 60 } });
    await local.ok('simulate', '--days', '2');
    const shared = { store: s3.settings('ads/past') };
    const night = await (
      await workshop.night()
    ).with({
      ...shared,
      source: { directory: join(local.data, 'log') },
    });
    await night.ok('ingest');
    await night.ok('seal');
    const found = async (): Promise<DayReport> =>
      (await night.ok<{ days: DayReport[] }>('days')).days.find((d) => d.day === day)!;
    const before = await found();
    expect([before.generation, before.late > 0]).toEqual([1, true]);

    const files = join(local.data, 'log', '*.jsonl');
    const done = await night.ok<{ id: string }>('backfill', ...range, '--files', files);
    const after = await found();
    expect([after.generation, after.accepted]).toEqual([2, before.accepted + before.late]);
    expect(await night.ok('verify')).toMatchObject({ differing: 0 });

    await night.ok('backfill', '--undo', done.id);
    const undone = await found();
    expect(undone).toEqual({ ...before, generation: 3, kind: 'undo' });
    for (const folder of ['days', 'backfill', 'ledger', 'seg'])
      expect(await filesUnder(night, folder)).toEqual([]);
  }, 120_000);

  it('is backfilled from objects of a bucket, as they were when it was planned', async () => {
    const local = await workshop.night({ simulator: { auctionsPerDay: 60 } });
    await local.ok('simulate', '--days', '3');
    await local.ok('ingest');
    await local.ok('seal');
    const day = SEALED[0]!;
    const folder = join(local.data, 'export');
    await mkdir(folder);
    const engine = await openEmbedded(join(folder, 'engine'));
    const [sealed] = (await filesUnder(local, `days/${day}`)).filter((f) => f.includes('events-'));
    const parquet = join(folder, 'events.parquet');
    await engine.command(`INSERT INTO FUNCTION file('${parquet}', Parquet)
      SELECT * FROM file('${join(local.data, sealed!)}', Arrow) SETTINGS max_threads = 1`);
    await engine.close();

    const { bucket, endpoint } = s3.settings('');
    const files = openS3Store(s3.settings('past'), { cacheFolder: join(folder, 'cache') });
    await files.put('p/day=1/events.parquet', await readFile(parquet));
    for (const path of (await filesUnder(local, 'log')).filter((f) => f.endsWith('.jsonl'))) {
      const name = path.split('/').at(-1)!;
      await files.put(`l/${name}.gz`, gzipSync(await readFile(join(local.data, path))));
    }
    await files.put('l/other.txt', Buffer.from('x'));
    const before = process.env['AWS_ENDPOINT_URL'];
    process.env['AWS_ENDPOINT_URL'] = endpoint;
    try {
      const range = ['--from', day, '--to', day, '--files'] as const;
      interface Done {
        readonly published: readonly { readonly digest: string }[];
        readonly plan: { readonly source: { readonly files: readonly unknown[] } };
      }
      const digest = (await local.ok<{ days: DayReport[] }>('days')).days[0]!.digest;
      const night = await workshop.night({ simulator: { auctionsPerDay: 60 } });
      const url = `s3://${bucket}/past`;
      const planned = await night.ok<Done>(
        'backfill',
        ...range,
        `${url}/**/*.parquet`,
        '--dry-run',
      );
      expect(planned.plan.source.files).toEqual([
        {
          path: `${url}/p/day=1/events.parquet`,
          bytes: (await readFile(parquet)).byteLength,
          etag: expect.stringMatching(/^"[0-9a-f]+"$/) as string,
          form: 'parquet',
        },
      ]);
      const done = await night.ok<Done>('backfill', ...range, `${url}/p/*/*.parquet`);
      expect(done.published[0]!.digest).toBe(digest);
      expect(await filesUnder(night, 'work')).toEqual([]);

      const other = await workshop.night({ simulator: { auctionsPerDay: 60 } });
      const lines = await other.ok<Done>('backfill', ...range, `${url}/l/*.jsonl.gz`);
      const late = (await local.ok<{ days: DayReport[] }>('days')).days[0]!;
      expect((await other.ok<{ days: DayReport[] }>('days')).days[0]!.accepted).toBe(
        late.accepted + late.late,
      );
      expect(lines.published).toHaveLength(1);

      const none = await other.fails('INGEST_SOURCE', 'backfill', ...range, `${url}/none/*.arrow`);
      expect(none.message).toBe(`no object is named ${url}/none/*.arrow`);
      const wrong = 's3://no-such-bucket/*.arrow';
      const missing = await other.fails('INGEST_SOURCE', 'backfill', ...range, wrong);
      expect(missing.mend).toContain('AWS_ENDPOINT_URL');
    } finally {
      if (before === undefined) delete process.env['AWS_ENDPOINT_URL'];
      else process.env['AWS_ENDPOINT_URL'] = before;
    }
  }, 240_000);

  it('copies no object that is not the one it listed', async () => {
    const files = openS3Store(s3.settings('changed'), { cacheFolder: join(tmpdir(), 'unused') });
    await files.put('a', Buffer.from('before'));
    const bucket = openBucket(s3.settings(''));
    const [listed] = await bucket.list('changed/');
    const path = join((await workshop.night()).data, '..', 'copy');
    expect(await bucket.copy(listed!, path)).toBe(true);
    await files.put('a', Buffer.from('behind'));
    expect(await bucket.copy(listed!, path)).toBe(false);
  });

  it('seals the days that a directory seals, and another host trains on them', async () => {
    const local = await workshop.night();
    await closeDays(local);
    const daysOf = async (night: Night) => (await night.ok<{ days: DayReport[] }>('days')).days;
    const onDisk = await daysOf(local);
    const shared = {
      store: s3.settings('ads/night'),
      source: { directory: join(local.data, 'log') },
    };

    const first = await (await workshop.night()).with(shared);
    await first.ok('ingest');
    await first.ok('seal');
    expect(await daysOf(first)).toEqual(onDisk);
    expect(onDisk.filter((day) => day.digest !== null).map((day) => day.day)).toEqual(SEALED);
    for (const folder of ['seg', 'ledger', 'days', 'dlq'])
      expect(await filesUnder(first, folder)).toEqual([]);
    expect(await exists(first, 'config.json')).toBe(true);

    const orphan = 'seg/day=2026-01-05/left-by-a-dead-writer.arrow';
    const bucket = openS3Store(shared.store, { cacheFolder: join(first.data, 'none') });
    await bucket.put(orphan, Buffer.from('rows'));
    const pruned = { old: [], young: [orphan], removed: [] };
    expect(await first.ok('prune', '--dry-run')).toMatchObject({ ...pruned, dryRun: true });
    expect(await bucket.list('orphan-grace')).toEqual(['orphan-grace/86400000']);
    expect(await removeOrphans(bucket, Date.now() + 60_000)).toEqual({ old: [orphan], young: [] });
    expect(await daysOf(first)).toEqual(onDisk);

    const second = await (await workshop.night()).with(shared);
    expect(await daysOf(second)).toEqual(onDisk);
    expect(await exists(second, '.')).toBe(false);
    await train(second);
    await publish(second);
    expect((await second.ok<Versions>('versions')).champion).not.toBeNull();
    expect((await first.ok<Versions>('versions')).champion).toBeNull();
  });
});
