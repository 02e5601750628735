import {
  type CheckpointManifest,
  type GraphTensor,
  marketFile,
  marketKey,
  type Normaliser,
  parseMarketDay,
  parseTemporalTable,
} from '../contracts/index.ts';
import { addDays, type DayKey, isVamoError, STEPS } from '../core/index.ts';
import { marketSums, marketWindow } from '../features/index.ts';
import { loadTemporalGraph, temporalSelfTest } from '../inference/index.ts';
import { listSealedDays, readDaySteps, readManifest } from '../store/index.ts';
import type { Context } from './context.ts';

/** Whether the store keeps the market of a day as it was sealed last. */
async function isKept({ store }: Context, day: DayKey, generation: number): Promise<boolean> {
  try {
    return parseMarketDay(await store.get(marketKey(day)), day).generation === generation;
  } catch (error) {
    if (isVamoError(error, 'STORE_NOT_FOUND') || isVamoError(error, 'STORE_CORRUPT')) return false;
    throw error;
  }
}

/**
 * Writes the market of every sealed day that lacks it: what bidders make the table of a day from
 * when the version they serve was not made for that day.
 */
export async function keepMarkets(context: Context): Promise<void> {
  const { store } = context;
  for (const { day, generation } of await listSealedDays(store)) {
    if (await isKept(context, day, generation)) continue;
    const manifest = await readManifest(store, day, generation);
    const sums = marketSums(await readDaySteps(store, manifest));
    const { stepsDigest } = manifest;
    await store.put(marketKey(day), marketFile({ day, generation, stepsDigest, sums }));
  }
}

/**
 * A version's z for a day, made from the sealed days before it; null without a temporal module.
 * @throws VamoError DAY_UNSEALED, CHECKPOINT_INVALID, CHECKPOINT_SELFTEST
 */
export async function tableForDay(
  { store, config }: Context,
  version: {
    readonly io: CheckpointManifest['io'];
    readonly normaliser: Normaliser;
    readonly file: (role: 'temporal' | 'table') => Uint8Array;
  },
  day: DayKey,
): Promise<GraphTensor | null> {
  const { io, normaliser } = version;
  if (io.temporal === undefined) return null;
  const { history, channels } = io.temporal;
  const graph = await loadTemporalGraph(version.file('temporal'), io, config.training);
  try {
    await temporalSelfTest(graph, parseTemporalTable(version.file('table')));
    const days = [];
    for (let before = history / STEPS; before >= 1; before--) {
      const manifest = await readManifest(store, addDays(day, -before));
      days.push(await readDaySteps(store, manifest));
    }
    const data = marketWindow(days, normaliser.tasks, normaliser);
    return await graph.run({ shape: [1, history, channels], data });
  } finally {
    await graph.release();
  }
}
