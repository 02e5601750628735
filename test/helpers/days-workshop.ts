import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { BackfillMode, BackfillPlan, PartitionManifest } from '../../src/contracts/index.ts';
import { type DayKey, sha256 } from '../../src/core/index.ts';
import {
  type BuildOptions,
  freezePlan,
  identify,
  publishBackfill,
  storeOfBackfill,
} from '../../src/days/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import {
  type Arrival,
  commitArrivals,
  DAY,
  newStore,
  sealConfig,
  temporaryFolder,
} from './days-fixture.ts';

type Source = BackfillPlan['source'];

interface PlannedMore {
  readonly source?: Source;
  readonly to?: DayKey;
  /** Bad records that were read, by the day they arrived on. */
  readonly dead?: Readonly<Record<string, number>>;
}

/** A folder for the tests of one file, gone after them: fresh stores, an engine, and backfills. */
export function daysWorkshop() {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let stores = 0;
  beforeAll(async () => void (folder = await temporaryFolder()));
  afterAll(() => folder.remove());

  const pathOf = (name: string): string => join(folder.path, name);
  const building =
    (store: ObjectStore, config = sealConfig(1)) =>
    (day: DayKey): BuildOptions => ({ store, engineDir: pathOf('engine'), day, config });

  /** A plan from `DAY` on, fixed, whose records are read already. */
  async function planned(
    store: ObjectStore,
    mode: BackfillMode,
    arrivals: readonly Arrival[],
    { source = filesOf(arrivals), to = DAY, dead = {} }: PlannedMore = {},
  ): Promise<BackfillPlan> {
    const plan = await identify(store, { from: DAY, to, mode, source });
    await freezePlan(store, plan);
    await commitArrivals(storeOfBackfill(store, plan.id), 0, arrivals, { flushRows: 50, dead });
    return plan;
  }

  /** What a backfill made of its first day. */
  async function backfill(
    store: ObjectStore,
    mode: BackfillMode,
    arrivals: readonly Arrival[],
    more: PlannedMore & { readonly config?: ReturnType<typeof sealConfig> } = {},
  ): Promise<{ readonly id: string; readonly manifest: PartitionManifest }> {
    const { id } = await planned(store, mode, arrivals, more);
    const [made] = await publishBackfill(building(store, more.config), store, id);
    return { id, manifest: made!.manifest };
  }

  return {
    pathOf,
    freshStore: (): Promise<ObjectStore> => newStore(pathOf(`s${stores++}`)),
    building,
    options: (store: ObjectStore, config = sealConfig(1)) => building(store, config)(DAY),
    planned,
    backfill,
  };
}

const filesOf = (arrivals: readonly Arrival[]): Source => ({
  kind: 'files',
  mapping: null,
  files: [{ path: 'x', bytes: 1, form: 'events', sha256: sha256(JSON.stringify(arrivals)) }],
});

/** A store under a process that is killed before it can record anything of a backfill. */
export const dyingBeforeRecords = (store: ObjectStore): ObjectStore => ({
  ...store,
  putIfAbsent: (key, bytes) =>
    key.startsWith('backfill/')
      ? Promise.reject(new Error('killed'))
      : store.putIfAbsent(key, bytes),
});
