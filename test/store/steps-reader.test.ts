import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PartitionManifest } from '../../src/contracts/index.ts';
import { sealDay, sealSteps } from '../../src/days/index.ts';
import { type ObjectStore, openStepsFile, readDaySteps } from '../../src/store/index.ts';
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
let manifest: PartitionManifest;

beforeAll(async () => {
  folder = await temporaryFolder();
  store = await newStore(join(folder.path, 'events'));
  await commitArrivals(store, 0, randomDay(8, { campaigns: 30, outcomes: 900 }));
  const engineDir = join(folder.path, 'sealer');
  manifest = await sealDay({ store, engineDir, day: DAY, config: sealConfig(1) });
});
afterAll(() => folder.remove());

describe('a steps file read campaign by campaign', () => {
  it('gives what the whole file gives, in any order, whoever wrote it', async () => {
    const whole = await readDaySteps(store, manifest);
    const own = await newStore(join(folder.path, 'steps'));
    const copy = await sealSteps(own, whole, sealConfig(1).days);
    for (const [from, sealed] of [
      [store, manifest],
      [own, copy],
    ] as const) {
      const file = await openStepsFile(from, sealed);
      expect(file.campaigns).toHaveLength(whole.campaigns.length);
      for (let i = whole.campaigns.length - 1; i >= 0; i--)
        expect(file.read(i)).toEqual(whole.campaigns[i]);
      file.close();
    }
  });

  it('is refused when a bit of it differs', async () => {
    const key = manifest.files.find(({ role }) => role === 'steps')!.key;
    const bytes = Buffer.from(await store.get(key));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(await store.localFile(key), bytes);
    await expect(openStepsFile(store, manifest)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});
