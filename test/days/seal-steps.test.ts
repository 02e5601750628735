import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PartitionManifest } from '../../src/contracts/index.ts';
import { sealDay, sealSteps, verifyDay } from '../../src/days/index.ts';
import { type ObjectStore, readDayLog, readDaySteps } from '../../src/store/index.ts';
import {
  commitArrivals,
  DAY,
  newStore,
  randomDay,
  sealConfig,
  temporaryFolder,
} from '../helpers/days-fixture.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: ObjectStore;
let byEvents: PartitionManifest;
let bySteps: PartitionManifest;
const { days } = sealConfig(1);

beforeAll(async () => {
  folder = await temporaryFolder();
  const events = await newStore(join(folder.path, 'events'));
  await commitArrivals(events, 0, randomDay(5, { campaigns: 4, outcomes: 400 }));
  const engineDir = join(folder.path, 'sealer');
  byEvents = await sealDay({ store: events, engineDir, day: DAY, config: sealConfig(1) });
  store = await newStore(join(folder.path, 'steps'));
  bySteps = await sealSteps(store, await readDaySteps(events, byEvents), days);
});
afterAll(() => folder.remove());

describe('a day sealed from its step sums', () => {
  it('has the step digest that the seal of its events has', () => {
    expect(bySteps.stepsDigest).toBe(byEvents.stepsDigest);
    expect(bySteps.campaigns).toEqual(byEvents.campaigns);
  });

  it('verifies, and is not sealed twice', async () => {
    await verifyDay(store, bySteps);
    const steps = await readDaySteps(store, bySteps);
    expect(await sealSteps(store, { ...steps, campaigns: [] }, days)).toEqual(bySteps);
  });

  it('says that it has no events to replay', async () => {
    await expect(readDayLog(store, bySteps)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});
