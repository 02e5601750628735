import type { Normaliser } from '../../contracts/index.ts';
import { type Progress, throwIfAborted, VamoError } from '../../core/index.ts';
import {
  createReplayMarket,
  playDay,
  plannerPolicy,
  type ReplayRules,
  returnsByTask,
} from '../../eval/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { ExportOptions } from '../candidate/export.ts';
import { compilePlanner } from '../candidate/planner.ts';
import type { TrainingDay } from './training-day.ts';

/** Labels tried; 1 is the best the training days showed. */
const GRID = [0.6, 0.8, 1];

/**
 * Chooses y*, the return asked for in service, per task: the label whose plans earned most on the
 * validation day, by replay. Never on the test day. Ties go to the label nearest 1.
 */
export async function chooseAskedReturns(inputs: {
  readonly exported: ExportOptions;
  readonly validation: readonly TrainingDay[];
  /** The market before the last validation day; null without a temporal module. */
  readonly market: HostTensor | null;
  readonly rules: ReplayRules;
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}): Promise<Normaliser> {
  const { exported, validation, rules, threads, signal, progress } = inputs;
  const { normaliser } = exported;
  const day = validation.at(-1);
  if (day === undefined)
    throw new VamoError('USAGE', 'no validation day to choose the asked return on');
  const played = await day.replay();
  const { planner, release } = await compilePlanner(exported, inputs.market, threads);
  const market = createReplayMarket(played.log, played.steps, rules);
  const earned = new Map<number, Record<string, number>>();
  try {
    progress?.(0, GRID.length);
    for (const y of GRID) {
      throwIfAborted(signal);
      earned.set(y, returnsByTask(await playDay(market, plannerPolicy(`y=${y}`, planner, y))));
      progress?.(earned.size, GRID.length, `y=${y}`);
    }
  } finally {
    await release();
  }
  const nearest = [...GRID].sort((a, b) => Math.abs(a - 1) - Math.abs(b - 1));
  const best = (task: string): number =>
    nearest.reduce((chosen, y) =>
      (earned.get(y)?.[task] ?? 0) > (earned.get(chosen)?.[task] ?? 0) ? y : chosen,
    );
  return {
    ...normaliser,
    tasks: normaliser.tasks.map((task) => ({ ...task, askedReturn: best(task.id) })),
  };
}
