import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDirectoryStore } from '../../src/store/index.ts';
import { train, type TrainingSettings } from '../../src/trainer/index.ts';
import type { TrajectoryRef } from '../../src/trainer/loop/dataset.ts';
import { splitLosses } from '../../src/trainer/loop/split-losses.ts';
import { batchCounts } from '../../src/trainer/step/counts.ts';
import { refOf, tinyDataset, tinyTraining, trainOptions, walk } from '../helpers/trainer.ts';

/** So many trajectories of each task; what is read of them is told. */
function splitOf(sizes: readonly number[], read: (ref: TrajectoryRef) => void) {
  const trajectories = sizes.flatMap((size, task) => {
    const trajectory = walk(task, 1, 'c');
    return Array.from({ length: size }, (_, i): TrajectoryRef => {
      const ref = { ...refOf(trajectory), campaignId: `${task}/${i}` };
      return { ...ref, read: () => (read(ref), ref.read()) };
    });
  });
  return { days: ['2026-01-09'], trajectories, market: null };
}

describe('losses over a split', () => {
  it('take few batches at real sizes, of a fixed sample that spans each task', async () => {
    const sizes = [4700, 4200, 1200];
    const seen: string[] = [];
    const split = splitOf(sizes, ({ campaignId }) => seen.push(campaignId));
    const most = 64;
    const counts = batchCounts(
      sizes.map((size) => Math.min(size, most)),
      32,
    );
    let batches = 0;
    const count = () => {
      batches++;
      return Promise.resolve({ losses: [1, 2, 3], inverse: 4 });
    };
    const first = await splitLosses(split, { counts, most }, count);
    expect(first).toEqual({ losses: [1, 2, 3], inverse: 4 });
    expect(batches).toBe(7);
    expect(new Set(seen).size).toBe(3 * most);
    for (const [task, size] of sizes.entries()) {
      const own = seen.filter((id) => id.startsWith(`${task}/`)).map((id) => Number(id.slice(2)));
      const steps = own.slice(1).map((at, i) => at - own[i]!);
      expect(Math.min(...steps)).toBeGreaterThanOrEqual(Math.floor(size / most));
      expect(Math.max(...steps)).toBeLessThanOrEqual(Math.ceil(size / most));
    }
    const again = seen.splice(0);
    await splitLosses(split, { counts, most }, count);
    expect(seen).toEqual(again);
  });
});

describe('evaluations of a run', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vamo-evaluations-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it.each(['vanilla', 'stl'])(
    'by %s are over few trajectories on the way, and the last over all, whatever the way',
    async (method) => {
      const dataset = tinyDataset();
      let read: string[] = [];
      const test = splitOf([5, 4, 3], ({ campaignId }) => read.push(campaignId));
      const evaluated = async (more: Partial<TrainingSettings>) => {
        const training = { ...tinyTraining, method, evaluateEvery: 1, ...more };
        const store = await openDirectoryStore(join(directory, JSON.stringify(more)));
        const reads: number[] = [];
        read = [];
        const { record } = await train(
          trainOptions(store, {
            dataset: { ...dataset, splits: { ...dataset.splits, test } },
            training,
            steps: 2,
            progress: () => reads.push(read.length),
          }),
        );
        return { record, reads: [...reads, read.length] };
      };
      const few = await evaluated({ evaluateTrajectories: 2 });
      expect(few.reads).toEqual([6, 12, 24]);
      const all = await evaluated({ evaluateTrajectories: 64 });
      expect(all.reads).toEqual([12, 24, 36]);
      expect(few.record.evaluations.at(-1)).toEqual(all.record.evaluations.at(-1));
      const losses = (of: typeof all) => of.record.evaluations[0]!.losses.train;
      losses(few).forEach((loss, k) => {
        expect(loss).not.toBe(losses(all)[k]);
        expect(Math.abs(loss / losses(all)[k]! - 1)).toBeLessThan(0.5);
      });
    },
  );
});
