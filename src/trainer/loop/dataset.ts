import { VamoError } from '../../core/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { Trajectory } from '../../features/index.ts';
import { type Split, SPLITS } from '../run-record.ts';

/** A trajectory and the day it is from, an index into its split's days. */
export interface DayTrajectory extends Trajectory {
  readonly day: number;
}

/** A trajectory that is read when it is needed: a window of days need not fit in memory. */
export interface TrajectoryRef {
  readonly campaignId: string;
  /** Index among the tasks. */
  readonly task: number;
  /** The same content at every call. */
  read(): DayTrajectory;
}

/** The trajectories of one part of the window and the days they are from. */
export interface SplitData {
  readonly days: readonly string[];
  readonly trajectories: readonly TrajectoryRef[];
  /** [days, H, channels]: the market before each day; null without a temporal module. */
  readonly market: HostTensor | null;
}

/** What a run learns from, watches and is tested on. */
export interface Dataset {
  readonly tasks: readonly string[];
  readonly splits: Readonly<Record<Split, SplitData>>;
}

/** Trajectories of each task, in the data's order. */
export function byTask({ trajectories }: SplitData, tasks: number): TrajectoryRef[][] {
  const lists: TrajectoryRef[][] = Array.from({ length: tasks }, () => []);
  for (const trajectory of trajectories) lists[trajectory.task]?.push(trajectory);
  return lists;
}

/** @throws VamoError TRAIN_EMPTY_TASK naming the task and the days that hold none of its trajectories */
export function requireEveryTask({ tasks, splits }: Dataset): void {
  for (const split of SPLITS) {
    const lists = byTask(splits[split], tasks.length);
    const empty = lists.findIndex((list) => list.length === 0);
    if (empty < 0) continue;
    const { days } = splits[split];
    throw new VamoError(
      'TRAIN_EMPTY_TASK',
      `task "${tasks[empty]}" has no trajectory in the ${split} days ${days.join(', ')}`,
      { details: { task: tasks[empty], split, days } },
    );
  }
}

/** What goes along with a batch's rows. */
export interface BatchContext {
  /** Windows of the split that the rows are from; each row's day goes along. */
  readonly market: HostTensor | null;
  /** Whether each row's label is withheld (guidance); default: no. */
  readonly withheld?: ((row: number) => boolean) | undefined;
}

/** Trajectories as the step's graphs take them; null rows are padding, masked everywhere. */
export function toFeeds(
  rows: readonly (DayTrajectory | null)[],
  { market, withheld = () => false }: BatchContext = { market: null },
): Record<string, HostTensor> {
  const first = rows.find((row) => row !== null);
  const steps = first?.mask.length ?? 0;
  const features = (first?.states.length ?? 0) / (steps + 1);
  const states = new Float32Array(rows.length * (steps + 1) * features);
  const label = new Float32Array(rows.length);
  const action = new Float32Array(rows.length * steps);
  const mask = new Float32Array(rows.length * steps);
  rows.forEach((row, i) => {
    if (row === null) return;
    states.set(row.states, i * row.states.length);
    label[i] = row.label;
    action.set(row.actions, i * steps);
    mask.set(row.mask, i * steps);
  });
  const hidden = Float32Array.from(rows, (_, i) => (withheld(i) ? 1 : 0));
  const days = Int32Array.from(rows, (row) => row?.day ?? 0);
  return {
    states: { shape: [rows.length, steps + 1, features], data: states },
    label: { shape: [rows.length, 1], data: label },
    action: { shape: [rows.length, steps], data: action },
    mask: { shape: [rows.length, steps], data: mask },
    withheld: { shape: [rows.length, 1], data: hidden },
    ...(market && { market, day: { shape: [rows.length], data: days } }),
  };
}
