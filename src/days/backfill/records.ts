import type { z } from 'zod';
import {
  backfilledDay,
  type BackfilledDay,
  backfillPlan,
  type BackfillPlan,
} from '../../contracts/index.ts';
import { addDays, type DayKey, dayKey, sha256, stableJson, VamoError } from '../../core/index.ts';
import { type ObjectStore, prefixedStore } from '../../store/index.ts';

/** Where a backfill stands: planned, its days published, or undone. */
export interface BackfillState {
  readonly plan: BackfillPlan;
  /** When the plan was written, ms, by the store's clock. */
  readonly plannedAtMs: number;
  readonly days: readonly BackfilledDay[];
  /** Generations whose building began; not all of them need have been made by it, or at all. */
  readonly begun: readonly BackfilledDay[];
  readonly isDone: boolean;
  readonly isUndone: boolean;
}

/** The days of a plan, in order. */
export function daysOf({ from, to }: Pick<BackfillPlan, 'from' | 'to'>): DayKey[] {
  const days: DayKey[] = [];
  for (let day = dayKey(from); day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}

/** The store in which a backfill has ledgers and segments of its own. */
export const storeOfBackfill = (store: ObjectStore, id: string): ObjectStore =>
  prefixedStore(store, `backfill/${id}`);

async function read<T extends z.ZodType>(
  store: ObjectStore,
  key: string,
  schema: T,
): Promise<z.infer<T>> {
  try {
    return schema.parse(JSON.parse(Buffer.from(await store.get(key)).toString()));
  } catch (cause) {
    throw new VamoError('STORE_CORRUPT', `${key} cannot be read`, { details: { key }, cause });
  }
}

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`);

/** @throws VamoError BACKFILL_UNKNOWN when there is none of that id; STORE_CORRUPT */
export async function readBackfill(store: ObjectStore, id: string): Promise<BackfillState> {
  const own = storeOfBackfill(store, id);
  if (!/^[0-9a-z-]{1,64}$/.test(id) || !(await own.has('plan.json')))
    throw new VamoError('BACKFILL_UNKNOWN', `there is no backfill "${id}"`, { details: { id } });
  const daysIn = async (folder: string): Promise<BackfilledDay[]> => {
    const found: BackfilledDay[] = [];
    for (const key of await own.list(folder)) found.push(await read(own, key, backfilledDay));
    return found;
  };
  return {
    plan: await read(own, 'plan.json', backfillPlan),
    plannedAtMs: await own.modifiedMs('plan.json'),
    days: await daysIn('days'),
    begun: await daysIn('begun'),
    isDone: await own.has('done.json'),
    isUndone: await own.has('undone.json'),
  };
}

/** Every backfill, the one planned first at first. */
export async function listBackfills(store: ObjectStore): Promise<BackfillState[]> {
  const states: BackfillState[] = [];
  for (const id of await store.folders('backfill'))
    if (await storeOfBackfill(store, id).has('plan.json'))
      states.push(await readBackfill(store, id));
  return states.sort((a, b) => a.plannedAtMs - b.plannedAtMs);
}

type Wanted = Omit<BackfillPlan, 'schema' | 'id' | 'round'>;

/** The plan's id: its first day and 12 digits of everything it says. */
const idOf = (wanted: Wanted, round: number): string =>
  `${wanted.from}-${sha256(stableJson({ ...wanted, round })).slice(0, 12)}`;

/** A plan with its id; after one that was undone, the next round of it. Nothing is written. */
export async function identify(store: ObjectStore, wanted: Wanted): Promise<BackfillPlan> {
  for (let round = 1; ; round++) {
    const id = idOf(wanted, round);
    if (await storeOfBackfill(store, id).has('undone.json')) continue;
    return { schema: 'backfill/v1', id, ...wanted, round };
  }
}

/** Fixes a plan; the same plan that stands there already counts. */
export async function freezePlan(store: ObjectStore, plan: BackfillPlan): Promise<BackfillState> {
  await storeOfBackfill(store, plan.id).putIfAbsent('plan.json', json(plan));
  return readBackfill(store, plan.id);
}

/** Says whose the files of a generation are, before there is one: an undo asks when it has no manifest. */
export async function recordBegun(
  store: ObjectStore,
  id: string,
  day: BackfilledDay,
): Promise<void> {
  const key = `begun/${day.day}-g${String(day.generation)}.json`;
  await storeOfBackfill(store, id).putIfAbsent(key, json(day));
}

export async function recordDay(store: ObjectStore, id: string, day: BackfilledDay): Promise<void> {
  await storeOfBackfill(store, id).putIfAbsent(`days/${day.day}.json`, json(day));
}

export async function markBackfill(
  store: ObjectStore,
  id: string,
  as: 'done' | 'undone',
): Promise<void> {
  await storeOfBackfill(store, id).putIfAbsent(`${as}.json`, json({ id }));
}
