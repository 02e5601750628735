import { isMature, type PinnedDay } from '../contracts/index.ts';
import { type DayKey, VamoError } from '../core/index.ts';
import { planWindow, type WindowPlan } from '../features/index.ts';
import { listSealedDays, readManifest } from '../store/index.ts';
import { RUN_FILES, type TrainJob } from '../trainer/index.ts';
import type { Context } from './context.ts';

export type PinnedDays = TrainJob['days'];

const SPLITS = ['history', 'train', 'validation', 'test'] as const;

/** The newest generation of every day of the window: what a run that begins now is trained on. */
export async function pinNewest({ store }: Context, plan: WindowPlan): Promise<PinnedDays> {
  const pin = (days: readonly DayKey[]): Promise<PinnedDay[]> =>
    Promise.all(
      days.map(async (day) => {
        const { generation, digest, stepsDigest } = await readManifest(store, day);
        return { day, generation, digest, stepsDigest };
      }),
    );
  return {
    history: await pin(plan.history),
    train: await pin(plan.train),
    validation: await pin(plan.validation),
    test: await pin(plan.test),
  };
}

/**
 * The days of a run that was begun and not finished on the same window, under the same configuration
 * and code, when some of them have newer generations by now: it goes on with those it has pinned.
 * @param keyOf the name a run on these days has
 */
export async function pinnedByUnfinished(
  { store }: Context,
  newest: PinnedDays,
  keyOf: (days: PinnedDays) => string,
): Promise<PinnedDays | undefined> {
  const keys = await store.list('runs');
  for (const key of keys) {
    const [, runKey, file] = key.split('/');
    if (runKey === undefined || file !== 'job.json' || runKey === keyOf(newest)) continue;
    if (keys.includes(`runs/${runKey}/${RUN_FILES.result}`)) continue;
    // The run's name is made of its days: a job that gives another name is not that run's.
    const { days } = JSON.parse(Buffer.from(await store.get(key)).toString()) as TrainJob;
    if (isSameWindow(days, newest) && keyOf(days) === runKey) return days;
  }
  return undefined;
}

const isSameWindow = (a: PinnedDays, b: PinnedDays): boolean =>
  SPLITS.every(
    (split) => a[split].map(({ day }) => day).join() === b[split].map(({ day }) => day).join(),
  );

/**
 * The window that ends with `testDay`; by default with the newest day that can be trained on: sealed,
 * and for realised rewards with mature labels.
 * @throws VamoError WINDOW_INCOMPLETE
 */
export async function planTrainingWindow(
  { store }: Context,
  config: Context['config'],
  testDay: DayKey | undefined,
): Promise<WindowPlan> {
  const { window, training } = config;
  const sealed: DayKey[] = [];
  const waiting: string[] = [];
  for (const { day } of await listSealedDays(store)) {
    const manifest = training.reward === 'realised' ? await readManifest(store, day) : undefined;
    if (manifest === undefined || isMature(manifest)) sealed.push(day);
    else waiting.push(`${day} from ${new Date(manifest.matureAtMs).toISOString()}`);
  }
  try {
    return planWindow({ sealed, window, testDay });
  } catch (error) {
    if (waiting.length === 0) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new VamoError(
      'WINDOW_INCOMPLETE',
      `${reason}; training.reward: "realised" needs mature labels: ${waiting.join(', ')}`,
      {
        mend: 'Run `vamo ingest` and `vamo seal` once conversions up to then have arrived, or set training.reward to "predicted".',
        cause: error,
      },
    );
  }
}
