import type {
  BackfilledDay,
  BackfillPlan,
  LedgerEntry,
  PartitionManifest,
} from '../../contracts/index.ts';
import { limitOf } from '../../contracts/index.ts';
import { addDays, type DayKey, dayKey, throwIfAborted, VamoError } from '../../core/index.ts';
import {
  committedOfDay,
  findManifest,
  findNewest,
  listGenerations,
  nextGeneration,
  type ObjectStore,
  readLedgers,
} from '../../store/index.ts';
import { type BackfillRows, buildGeneration, type BuildPlan } from '../build.ts';
import { type BuildOptions, withWindowOf } from '../build-options.ts';
import { cutsAt, laterDays, liveDay, readLive } from '../live.ts';
import { asAsked } from '../seal.ts';
import { labelsUntil, readUntil } from './evidence.ts';
import { isPutBack } from './put-back.ts';
import {
  listBackfills,
  markBackfill,
  readBackfill,
  recordBegun,
  recordDay,
  storeOfBackfill,
} from './records.ts';
import { requireOwnLetters } from './replays.ts';

/** The days of a plan, in order. */
export function daysOf({ from, to }: Pick<BackfillPlan, 'from' | 'to'>): DayKey[] {
  const days: DayKey[] = [];
  for (let day = dayKey(from); day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}

export interface PublishedDay extends BackfilledDay {
  readonly manifest: PartitionManifest;
}

/**
 * Builds and publishes the next generation of every day of the plan for which the backfill has rows,
 * each by itself; a day that was published before a crash is left alone. The caller holds the role
 * `sealer`.
 * @throws VamoError DAY_UNSEALED a day that is to be merged has live rows but is still open; and those
 *   of building
 */
export async function publishBackfill(
  building: (day: DayKey) => BuildOptions,
  store: ObjectStore,
  id: string,
): Promise<PublishedDay[]> {
  const { plan, days: known, isUndone } = await readBackfill(store, id);
  if (isUndone)
    throw new VamoError('BACKFILL_BUILT_ON', `backfill ${id} was undone while it was read`, {
      details: { id },
      mend: 'Run the same backfill again.',
    });
  requireOwnLetters(plan, await listBackfills(store));
  const entries = await readLedgers(storeOfBackfill(store, id));
  const published: PublishedDay[] = [];
  for (const day of daysOf(plan)) {
    const options = building(day);
    throwIfAborted(options.signal);
    const before = known.find((one) => one.day === day) ?? (await findPublished(store, day, id));
    if (before !== undefined && (await isPutBack(store, before)))
      throw new VamoError(
        'BACKFILL_BUILT_ON',
        `day ${day}: an undo of backfill ${id} put it back and was killed before its end`,
        { details: { id, day }, mend: `Run \`vamo backfill --undo ${id}\` to its end first.` },
      );
    const made = before ?? (await publishDay(options, plan, entries));
    if (made === undefined) continue;
    await recordDay(store, id, made);
    const manifest = await findManifest(store, day, made.generation);
    if (manifest !== undefined) published.push({ ...made, manifest });
  }
  await markBackfill(store, id, 'done');
  return published;
}

/** The generation that this backfill made of a day, when it died between that and its record. */
export async function findPublished(
  store: ObjectStore,
  day: DayKey,
  id: string,
): Promise<BackfilledDay | undefined> {
  for (const generation of await listGenerations(store, day)) {
    const manifest = await findManifest(store, day, generation);
    if (manifest?.kind === 'backfill' && manifest.inputs.backfill?.id === id)
      return recordOf(manifest);
  }
  return undefined;
}

const recordOf = ({
  day,
  generation,
  parent,
}: Pick<PartitionManifest, 'day' | 'generation' | 'parent'>): BackfilledDay => ({
  schema: 'backfilled-day/v1',
  day,
  generation,
  parent,
});

async function publishDay(
  options: BuildOptions,
  plan: BackfillPlan,
  entries: readonly LedgerEntry[],
): Promise<BackfilledDay | undefined> {
  const { store, day, config } = options;
  const own = storeOfBackfill(store, plan.id);
  const { segments, deadLetters } = await committedOfDay(own, day, entries);
  if (segments.length === 0) return undefined;
  // Before the parent is looked at: what another makes meanwhile then has this number.
  const generation = await nextGeneration(store, day);
  const newest = await findNewest(store, day);
  const parent = newest && asAsked(newest, config.days);
  const under = parent === undefined ? options : withWindowOf(parent, options);
  const later = [];
  for (const next of laterDays(day, under.config.days.attributionMs))
    later.push(...(await committedOfDay(own, next, entries)).segments);
  const bad = deadLetters.reduce((sum, { byDay }) => sum + (byDay[day] ?? 0), 0);
  const backfill: BackfillRows = {
    id: plan.id,
    mode: plan.mode,
    store: own,
    rows: segments,
    later,
    dead: bad - replayed(plan, day),
  };
  const until = readUntil(plan, entries);
  const build = await planDay(under, { plan, generation, parent, backfill, until });
  const begun = recordOf({ day, generation, parent: parent?.generation ?? null });
  await recordBegun(store, plan.id, begun);
  const manifest = await buildGeneration(under, build);
  if (manifest.inputs.backfill?.id !== plan.id || manifest.kind !== 'backfill')
    throw new VamoError(
      'DAY_SEALED',
      `day ${day}: another process made generation ${manifest.generation} (${manifest.kind}) meanwhile`,
      { details: { day }, mend: 'Run the same backfill again.' },
    );
  return recordOf(manifest);
}

/** Dead letters of the day that a replay read again: they are rows now, or bad once more. */
function replayed({ source }: BackfillPlan, day: DayKey): number {
  if (source.kind !== 'dead-letters') return 0;
  return source.files.reduce((sum, { byDay }) => sum + (byDay[day] ?? 0), 0);
}

interface Found {
  readonly plan: BackfillPlan;
  readonly generation: number;
  readonly parent: PartitionManifest | undefined;
  readonly backfill: BackfillRows;
  /** As `readUntil` gives it. */
  readonly until: number | undefined;
}

async function planDay(
  { store, day, config }: BuildOptions,
  { plan, generation, parent, backfill, until }: Found,
): Promise<BuildPlan> {
  const live = await readLive(store, config.source);
  if (parent === undefined && (await liveDay(store, live, day)).segments.length > 0)
    throw new VamoError(
      'DAY_UNSEALED',
      `day ${day} has live rows and is still open: what was backfilled would shut them out`,
      { details: { day }, mend: `Run \`vamo seal --day ${day}\` first, then the same backfill.` },
    );
  const base = plan.mode === 'merge' ? parent : undefined;
  const cut = parent?.cut ?? [];
  const limit = limitOf({ day, ...config.days });
  const rewardsUntilMs = labelsUntil({
    limit,
    attributionMs: config.days.attributionMs,
    base,
    until,
  });
  // A replaced day has the conversions that arrived up to here from the backfill alone.
  const isReplaced = base === undefined && parent !== undefined && config.days.attributionMs > 0;
  const rewardCut = isReplaced
    ? await cutsAt(store, live, rewardsUntilMs)
    : (parent?.inputs.rewardCut ?? []);
  return {
    kind: 'backfill',
    generation,
    parent,
    base,
    live,
    from: cut,
    cut,
    rewardFrom: base === undefined ? rewardCut : [],
    rewardCut,
    rewardsUntilMs,
    arrivedUntilMs: parent?.arrivedUntilMs ?? limit,
    backfill,
  };
}
