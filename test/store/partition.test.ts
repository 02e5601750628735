import { Int64, Utf8, type Vector, Table, tableToIPC, vectorFromArray } from 'apache-arrow';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PartitionManifest, withChecksum } from '../../src/contracts/index.ts';
import { addDays } from '../../src/core/index.ts';
import { sealDay } from '../../src/days/index.ts';
import {
  type ObjectStore,
  columnsDigest,
  findNewest,
  listSealedDays,
  openColumns,
  readDayLog,
  readDaySteps,
  readManifest,
  withdrawDay,
  writeManifest,
} from '../../src/store/index.ts';
import {
  DAY,
  commitArrivals,
  newStore,
  randomDay,
  sealConfig,
  temporaryFolder,
} from '../helpers/days-fixture.ts';

const COLUMNS = { id: 'text', n: 'int64' } as const;

const arrow = (ids: string[], ns: bigint[], more: Record<string, Vector> = {}): Table =>
  new Table({
    id: vectorFromArray(ids, new Utf8()),
    n: vectorFromArray(ns, new Int64()),
    ...more,
  });
const bytesOf = (table: Table): Uint8Array => tableToIPC(table, 'file');

describe('the digest of columns', () => {
  const whole = arrow(['a', 'bc', '', 'd'], [1n, -2n, 3n, 4n]);
  const digest = columnsDigest(bytesOf(whole), COLUMNS);

  it('does not see record batches, other columns or the order of columns in the file', () => {
    const batches = new Table([...whole.slice(0, 3).batches, ...whole.slice(3).batches]);
    expect(batches.batches.length).toBe(2);
    expect(columnsDigest(bytesOf(batches), COLUMNS)).toBe(digest);
    const wider = arrow(['a', 'bc', '', 'd'], [1n, -2n, 3n, 4n], {
      extra: vectorFromArray([9n, 9n, 9n, 9n], new Int64()),
    });
    expect(columnsDigest(bytesOf(wider.select(['extra', 'n', 'id'])), COLUMNS)).toBe(digest);
  });

  it.each([
    ['a value', arrow(['a', 'bc', '', 'd'], [1n, -2n, 3n, 5n])],
    ['the order of rows', arrow(['bc', 'a', '', 'd'], [-2n, 1n, 3n, 4n])],
    ['where one text ends and the next begins', arrow(['ab', 'c', '', 'd'], [1n, -2n, 3n, 4n])],
    ['the number of rows', arrow(['a', 'bc', ''], [1n, -2n, 3n])],
  ])('sees %s', (_what, table) => {
    expect(columnsDigest(bytesOf(table), COLUMNS)).not.toBe(digest);
  });
});

describe('reading columns', () => {
  it('is exact to 2^53 and refuses what is beyond', () => {
    const edge = BigInt(Number.MAX_SAFE_INTEGER);
    const table = (n: bigint) => openColumns(bytesOf(arrow(['a'], [n])), 'file');
    expect([...table(edge).integers('n')]).toEqual([Number.MAX_SAFE_INTEGER]);
    expect([...table(-edge).integers('n')]).toEqual([-Number.MAX_SAFE_INTEGER]);
    expect(() => table(edge + 1n).integers('n')).toThrow(/column n/);
  });

  it('refuses missing columns, other types, nulls and what is no Arrow file', () => {
    const table = openColumns(bytesOf(arrow(['a'], [1n])), 'file');
    expect(() => table.integers('none')).toThrow(/none is missing/);
    expect(() => table.integers('id')).toThrow(/column id is Utf8, not int64/);
    expect(() => table.texts('n')).toThrow(/column n is Int64, not text/);
    const nulls = new Table({ n: vectorFromArray([1n, null], new Int64()) });
    expect(() => openColumns(bytesOf(nulls), 'file').integers('n')).toThrow(/nulls/);
    expect(() => openColumns(Buffer.from('not arrow'), 'file')).toThrow(/file: not a readable/);
  });
});

describe('a sealed partition on disk', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let store: ObjectStore;
  let manifest: PartitionManifest;
  beforeAll(async () => {
    folder = await temporaryFolder();
    store = await newStore(folder.path);
    await commitArrivals(store, 0, randomDay(4, { campaigns: 2, outcomes: 50 }));
    const engineDir = join(folder.path, 'sealer');
    manifest = await sealDay({ store, engineDir, day: DAY, config: sealConfig(1) });
  });
  afterAll(() => folder.remove());

  it('is found by its manifest', async () => {
    expect(await listSealedDays(store)).toEqual([{ day: DAY, generation: 1 }]);
    expect(await readManifest(store, DAY)).toEqual(manifest);
    expect(await readManifest(store, DAY, 1)).toEqual(manifest);
  });

  it('stays when another sealer comes later, who is told whose it is', async () => {
    const own = { ...manifest, digest: 'f'.repeat(64), arrivedUntilMs: 1 };
    expect(await writeManifest(store, own)).toEqual(manifest);
    expect(await readManifest(store, DAY, 1)).toEqual(manifest);
  });

  it('is a generation or its withdrawal, whichever was created first', async () => {
    const day = addDays(DAY, 7);
    const sealed = { ...manifest, day };
    const outcomes = await Promise.allSettled([
      writeManifest(store, { ...sealed, generation: 3 }),
      withdrawDay(store, day, 3),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await withdrawDay(store, day, 4);
    await withdrawDay(store, day, 4);
    await expect(writeManifest(store, { ...sealed, generation: 4 })).rejects.toMatchObject({
      code: 'DAY_SEALED',
      message: expect.stringContaining('withdrew it (generation 4)') as unknown,
    });
    expect(await findNewest(store, day)).toBeUndefined();
    expect(await listSealedDays(store)).toEqual([{ day: DAY, generation: 1 }]);
    await writeManifest(store, { ...sealed, generation: 5 });
    await expect(withdrawDay(store, day, 5)).rejects.toMatchObject({ code: 'DAY_SEALED' });
    // The mark that it may be withdrawn stays, and is not what counts.
    expect(await findNewest(store, day)).toMatchObject({ generation: 5 });
    expect((await listSealedDays(store)).at(-1)).toEqual({ day, generation: 5 });
    for (const key of await store.list(`days/${day}`)) await store.remove(key);
  });

  it('is refused in the place of another day', async () => {
    const other = addDays(DAY, 5);
    const place = (day: string): string => `days/${day}/g0001/manifest.json`;
    await store.put(place(other), await store.get(place(DAY)));
    await expect(readManifest(store, other)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await store.remove(place(other));
  });

  it('of another day or generation is not there, which is said so', async () => {
    const missing = { code: 'DAY_UNSEALED' };
    const open = addDays(DAY, 1);
    const mend = expect.stringContaining(`--day ${open}`) as string;
    await expect(readManifest(store, open)).rejects.toMatchObject({ ...missing, mend });
    await expect(readManifest(store, DAY, 2)).rejects.toMatchObject(missing);
  });

  it.each(['events', 'steps'] as const)(
    'is refused when %s.arrow is not as sealed',
    async (role) => {
      const { key } = manifest.files.find((f) => f.role === role)!;
      const whole = await store.get(key);
      const read = () =>
        role === 'steps' ? readDaySteps(store, manifest) : readDayLog(store, manifest);
      const flipped = Buffer.from(whole);
      flipped[flipped.length >> 1]! ^= 1;
      for (const bad of [flipped, whole.subarray(0, whole.length - 64), Buffer.alloc(0)]) {
        await store.put(key, bad);
        await expect(read()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      }
      await store.remove(key);
      await expect(read()).rejects.toThrow(key);
      await store.put(key, whole);
      await read();
    },
  );

  it('with a damaged manifest is refused', async () => {
    const key = 'days/2026-03-01/g0001/manifest.json';
    const whole = await store.get(key);
    await store.put(key, whole.subarray(0, 40));
    await expect(readManifest(store, DAY)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await store.put(key, whole);
  });

  it('of an older program is read as the seal it was', async () => {
    const { digest, stepsDigest, files, cut, counts, clashes, orphanOutcomes, campaigns } =
      manifest;
    const { day, utcOffsetMinutes, latenessMs } = manifest;
    const known = { digest, stepsDigest, files, cut, counts, clashes, orphanOutcomes, campaigns };
    const old = { schema: 'partition/v1', day, generation: 1, ...known };
    const stored = withChecksum({ ...old, utcOffsetMinutes, latenessMs });
    const key = 'days/2026-03-01/g0001/manifest.json';
    const whole = await store.get(key);
    await store.put(key, Buffer.from(JSON.stringify(stored)));
    const read = await readManifest(store, DAY);
    expect(read).toEqual({ ...manifest, latePolicy: 'drop' });
    await store.put(key, Buffer.from(JSON.stringify({ ...stored, clashes: clashes + 1 })));
    await expect(readManifest(store, DAY)).rejects.toThrow('checksum');
    await store.put(key, whole);
  });

  it('with one digit of its manifest changed is refused', async () => {
    const key = 'days/2026-03-01/g0001/manifest.json';
    const whole = await store.get(key);
    const text = Buffer.from(whole).toString();
    const changed = text.replace(/("digest":")(.)/, (_, head: string, digit: string) =>
      digit === '0' ? `${head}1` : `${head}0`,
    );
    await store.put(key, Buffer.from(changed));
    await expect(readManifest(store, DAY)).rejects.toThrow('checksum');
    await store.put(key, whole);
  });
});
