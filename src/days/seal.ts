import { limitOf, type PartitionManifest } from '../contracts/index.ts';
import { type DayKey, VamoError } from '../core/index.ts';
import { findNewest, nextGeneration } from '../store/index.ts';
import { buildGeneration, type BuildPlan } from './build.ts';
import type { BuildOptions, DayConfig } from './build-options.ts';
import type { Cut } from './cut.ts';
import { cutsAt, liveDay, type LiveLedgers, readLive, settledCuts } from './live.ts';
import { notReady } from './not-ready.ts';

export interface SealOptions extends BuildOptions {
  /**
   * Refuse with DAY_NOT_READY unless every partition has all that arrived before the limit (`limit`), or
   * all that its source holds (`end`; a source that does not answer is passed over with a warning). Left
   * out, the day is cut at what is committed.
   */
  readonly require?: 'limit' | 'end' | undefined;
}

/**
 * Seals a day: takes its committed rows below the cut, removes duplicates, and makes its first
 * generation. A sealed day is given back as it stands.
 *
 * @throws VamoError DAY_MISSING no committed rows; DAY_NOT_READY; DAY_SEALED sealed under another
 *   zone or lateness; STORE_CORRUPT a segment differs from its ledger entry; SQL_FAILED;
 *   DATA_LOCKED another process uses `engineDir`; STORE_FULL; INTERRUPTED
 */
export async function sealDay(options: SealOptions): Promise<PartitionManifest> {
  const { store, day, config } = options;
  const sealed = await findNewest(store, day);
  if (sealed !== undefined) return asAsked(sealed, config.days);
  return asAsked(await buildGeneration(options, await planSeal(options)), config.days);
}

async function planSeal(options: SealOptions): Promise<BuildPlan> {
  const { store, day, config } = options;
  const limitMs = limitOf({ day, ...config.days });
  const live = await readLive(store, config.source);
  const cut = await (options.require === undefined
    ? cutsAt(store, live, limitMs)
    : settledCuts(options, live, limitMs));
  if ((await liveDay(store, live, day)).segments.length === 0) throw withoutEvents(day, live);
  const missing = missingAt(cut, options);
  if (missing.length > 0) throw notReady({ day, limitMs, topic: live.topic }, missing);
  return {
    kind: 'seal',
    generation: await nextGeneration(store, day),
    parent: undefined,
    base: undefined,
    live,
    from: [],
    cut,
    rewardFrom: [],
    rewardCut: cut,
    rewardsUntilMs: limitMs,
    arrivedUntilMs: limitMs,
  };
}

/** The cuts that do not stand yet, by what is required of them. */
function missingAt(cuts: readonly Cut[], { day, require, log }: SealOptions): Cut[] {
  const open = cuts.filter(({ reached }) => !reached);
  if (require === 'limit') return open;
  if (require === undefined) return [];
  const unknown = open.find(({ waits }) => waits?.for === 'answer')?.waits;
  if (unknown?.for === 'answer') log?.warn('seal.end-unknown', { day, reason: unknown.reason });
  return open.filter(({ waits }) => waits?.for === 'ingest');
}

/** Nothing to seal; the days that there are say whether the name or the source is wrong. */
function withoutEvents(day: DayKey, { topic, partitions }: LiveLedgers): VamoError {
  const days = partitions.flat().flatMap(({ segments }) => segments.map((segment) => segment.day));
  const known = [...new Set(days)].sort();
  const [first, last] = [known[0], known.at(-1)];
  const there = first === undefined ? 'it has none at all' : `its days are ${first} to ${last}`;
  return new VamoError('DAY_MISSING', `day ${day} has no events from ${topic}: ${there}`, {
    details: { day, known },
    mend: 'Name a day that `vamo days` lists, or ingest what holds it first.',
  });
}

/** A sealed day never changes: asking for it under other rules is an error, not a new seal. */
export function asAsked(manifest: PartitionManifest, days: DayConfig['days']): PartitionManifest {
  for (const rule of ['utcOffsetMinutes', 'latenessMs'] as const)
    if (manifest[rule] !== days[rule])
      throw new VamoError(
        'DAY_SEALED',
        `day ${manifest.day} is sealed with days.${rule} ${manifest[rule]}, asked for ${days[rule]}`,
        { details: { day: manifest.day, rule } },
      );
  return manifest;
}
