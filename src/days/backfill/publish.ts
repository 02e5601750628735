import type {
  BackfilledDay,
  BackfillPlan,
  LedgerEntry,
  PartitionManifest,
} from '../../contracts/index.ts';
import { limitOf } from '../../contracts/index.ts';
import { type DayKey, throwIfAborted, VamoError } from '../../core/index.ts';
import {
  committedOfDay,
  findManifest,
  findNewest,
  nextGeneration,
  type ObjectStore,
  readLedgers,
} from '../../store/index.ts';
import { type BackfillRows, buildGeneration, type BuildPlan } from '../build.ts';
import { type BuildOptions, withWindowOf } from '../build-options.ts';
import { cutsAt, endsOf, laterDays, lastArrival, readLive } from '../live.ts';
import { asAsked } from '../seal.ts';
import { labelsUntil, readUntil } from './evidence.ts';
import { type DayRows, findMade, recordOf, requireNotPutBack, rowsOf } from './made.ts';
import {
  daysOf,
  markBackfill,
  readBackfill,
  recordBegun,
  recordDay,
  storeOfBackfill,
} from './records.ts';
import { requireNoLiveRows } from './takable.ts';

export interface PublishedDay extends BackfilledDay {
  readonly manifest: PartitionManifest;
  readonly rows: DayRows;
}

/**
 * Builds and publishes the next generation of every day of the plan for which the backfill has rows,
 * each by itself; a day that was published before a crash is left alone. The caller holds the role
 * `sealer`.
 * @throws VamoError those of `requireTakable`, for what came after it; and those of building
 */
export async function publishBackfill(
  building: (day: DayKey) => BuildOptions,
  store: ObjectStore,
  id: string,
): Promise<PublishedDay[]> {
  const state = await readBackfill(store, id);
  if (state.isUndone)
    throw new VamoError('BACKFILL_BUILT_ON', `backfill ${id} was undone while it was read`, {
      details: { id },
      mend: 'Run the same backfill again.',
    });
  const entries = await readLedgers(storeOfBackfill(store, id));
  const published: PublishedDay[] = [];
  for (const day of daysOf(state.plan)) {
    const options = building(day);
    throwIfAborted(options.signal);
    const known = await findMade(store, state, day);
    if (known !== undefined) await requireNotPutBack(store, known, id);
    const made = known ?? (await publishDay(options, state.plan, entries));
    if (made === undefined) continue;
    await recordDay(store, id, made);
    const manifest = await findManifest(store, day, made.generation);
    if (manifest !== undefined)
      published.push({ ...made, manifest, rows: await rowsOf(store, made) });
  }
  await markBackfill(store, id, 'done');
  return published;
}

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
    later.push((await committedOfDay(own, next, entries)).segments);
  // Of letters that are still bad the day knows already.
  const isReplay = plan.source.kind === 'dead-letters';
  const bad = deadLetters.reduce((sum, { byDay }) => sum + (byDay[day] ?? 0), 0);
  const backfill: BackfillRows = {
    id: plan.id,
    mode: plan.mode,
    store: own,
    rows: segments,
    later: later.flat(),
    dead: isReplay ? 0 : bad,
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
  if (parent === undefined) await requireNoLiveRows(store, live, day);
  const base = plan.mode === 'merge' ? parent : undefined;
  const from = parent?.cut ?? [];
  // What is added to a day may be what was late for it: then both are in, and the event counts once.
  const takesLate = base !== undefined && config.days.late !== 'drop';
  const limit = limitOf({ day, ...config.days });
  const arrivedUntilMs = parent?.arrivedUntilMs ?? limit;
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
    from,
    cut: takesLate ? endsOf(live) : from,
    rewardFrom: base === undefined ? rewardCut : [],
    rewardCut,
    rewardsUntilMs,
    arrivedUntilMs: takesLate ? Math.max(arrivedUntilMs, lastArrival(live)) : arrivedUntilMs,
    backfill,
  };
}
