import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openEmbedded } from '../clickhouse/index.ts';
import {
  type BackfillMode,
  type CutPoint,
  limitOf,
  type PartitionManifest,
  STEP_ROWS,
} from '../contracts/index.ts';
import { silentLogger, throwIfAborted, VamoError } from '../core/index.ts';
import { findManifest, type ObjectStore, partitionFileKey, writeManifest } from '../store/index.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuiltFile } from './built-file.ts';
import {
  type BuildResult,
  freshWork,
  type RowFiles,
  runBuildSql,
  stageFiles,
} from './build-work.ts';
import { laterDays, liveDay, type LiveLedgers, offsetIn, segmentsBetween } from './live.ts';

type Role = PartitionManifest['files'][number]['role'];
type Files = readonly { readonly key: string; readonly sha256: string; readonly rows: number }[];

/** Rows of a backfill for a day, in the backfill's own store. */
export interface BackfillRows {
  readonly id: string;
  readonly mode: BackfillMode;
  readonly store: ObjectStore;
  readonly rows: Files;
  /** Rows of the days on which late conversions of the day may fall. */
  readonly later: Files;
  /** Bad records of the day that were read. */
  readonly dead: number;
}

/** What a generation is built from: fixed before the engine is opened, the result depends on it alone. */
export interface BuildPlan {
  readonly kind: 'seal' | 'amend' | 'backfill';
  readonly generation: number;
  /** The newest generation until now. */
  readonly parent: PartitionManifest | undefined;
  /** The generation whose rows are taken over. */
  readonly base: PartitionManifest | undefined;
  readonly live: LiveLedgers;
  /** Live rows are taken in from here ... */
  readonly from: readonly CutPoint[];
  /** ... up to here; those beyond are late. */
  readonly cut: readonly CutPoint[];
  /** Conversions of later days are looked at from here ... */
  readonly rewardFrom: readonly CutPoint[];
  /** ... up to here. */
  readonly rewardCut: readonly CutPoint[];
  readonly rewardsUntilMs: number;
  readonly arrivedUntilMs: number;
  readonly backfill?: BackfillRows;
}

/**
 * Builds a generation and publishes it: files first, the manifest last and only if absent. Before
 * the manifest stands nothing has changed, and the same call starts over.
 * @throws VamoError STORE_CORRUPT an input differs from its record; SQL_FAILED; DATA_LOCKED another
 *   process uses `engineDir`; STORE_FULL; INTERRUPTED
 */
export async function buildGeneration(
  options: BuildOptions,
  plan: BuildPlan,
): Promise<PartitionManifest> {
  const { store, day, signal, log = silentLogger, progress } = options;
  progress?.(1, 4, 'inputs found');
  throwIfAborted(signal);
  const engine = await openEmbedded(options.engineDir);
  try {
    // The engine directory is this process's now; another builder may have finished before that.
    const meanwhile = await findManifest(store, day, plan.generation);
    if (meanwhile !== undefined) return meanwhile;
    const inputs = await gather(options, plan);
    const { root, output } = await freshWork(options.engineDir);
    const sources = await stageFiles(inputs.rows, join(root, 'rows'), signal);
    const later = await stageFiles(inputs.later, join(root, 'later'), signal);
    progress?.(2, 4, 'inputs verified');
    const found = await runBuildSql(engine, { output, sources, later }, options);
    progress?.(3, 4, 'events and steps written');
    throwIfAborted(signal);
    const manifest = await publish(options, plan, { inputs, found, output });
    await rm(root, { recursive: true, force: true });
    log.info('day built', { day, generation: manifest.generation, digest: manifest.digest });
    progress?.(4, 4, 'published');
    return manifest;
  } finally {
    await engine.close();
  }
}

interface Inputs {
  readonly rows: readonly RowFiles[];
  readonly later: readonly RowFiles[];
  /** Rows that the files of `rows` must hold together. */
  readonly count: number;
  /** Of the live ledgers, whole. */
  readonly live: { readonly rows: number; readonly dead: number };
}

const rowsIn = (files: readonly { readonly rows: number }[]): number =>
  files.reduce((sum, { rows }) => sum + rows, 0);

async function gather({ store, day, config }: BuildOptions, plan: BuildPlan): Promise<Inputs> {
  const { live, from, cut, base, backfill, rewardFrom, rewardCut } = plan;
  const rangesOf = (begin: readonly CutPoint[], end: readonly CutPoint[]) =>
    live.partitions.map((_, partition) => ({
      partition,
      from: offsetIn(begin, partition),
      to: offsetIn(end, partition),
    }));
  const of = (role: 'events' | 'rewards') => base?.files.filter((f) => f.role === role) ?? [];
  const committed = await liveDay(store, live, day);
  const segments = segmentsBetween(committed.segments, from);
  const own = [segments, of('events'), backfill?.rows ?? []];

  const later: RowFiles[] = [];
  if (config.days.attributionMs > 0) {
    const found = [];
    for (const next of laterDays(day, config.days.attributionMs))
      found.push((await liveDay(store, live, next)).segments);
    const files = segmentsBetween(found.flat(), rewardFrom, rewardCut);
    later.push({ store, files, ranges: rangesOf(rewardFrom, rewardCut) });
    later.push({ store, files: of('rewards') });
    if (backfill !== undefined) later.push({ store: backfill.store, files: backfill.later });
  }
  return {
    rows: [
      { store, files: segments, ranges: rangesOf(from, cut) },
      { store, files: of('events') },
      ...(backfill ? [{ store: backfill.store, files: backfill.rows }] : []),
    ],
    later,
    count: own.reduce((sum, files) => sum + rowsIn(files), 0),
    live: {
      rows: rowsIn(committed.segments),
      dead: committed.deadLetters.reduce((sum, d) => sum + (d.byDay[day] ?? 0), 0),
    },
  };
}

interface Built {
  readonly inputs: Inputs;
  readonly found: BuildResult;
  readonly output: string;
}

/** Adopts the files, then writes the manifest that makes them a generation. */
async function publish(
  { store, day, config }: BuildOptions,
  plan: BuildPlan,
  { inputs, found, output }: Built,
): Promise<PartitionManifest> {
  requireSum(day, inputs.count, found);
  const { utcOffsetMinutes, latenessMs, attributionMs, late } = config.days;
  const { base, backfill } = plan;
  const campaigns = Object.values(found.campaigns).reduce((a, b) => a + b, 0);
  const { events, steps, rewards } = found.files;
  const file = (role: Role, rows: number, { bytes, sha256 }: BuiltFile) => ({
    role,
    key: partitionFileKey({ day, generation: plan.generation }, role, sha256),
    rows,
    bytes,
    sha256,
  });
  const manifest: PartitionManifest = {
    schema: 'partition/v2',
    day,
    generation: plan.generation,
    kind: plan.kind,
    parent: plan.parent?.generation ?? null,
    digest: events.digest,
    stepsDigest: steps.digest,
    files: [
      file('events', found.accepted, events),
      file('steps', campaigns * STEP_ROWS, steps),
      ...(rewards ? [file('rewards', found.rewards, rewards)] : []),
    ],
    cut: points(plan.cut),
    inputs: {
      base: base ? { generation: base.generation, digest: base.digest } : null,
      backfill: backfill
        ? { id: backfill.id, mode: backfill.mode }
        : (base?.inputs.backfill ?? null),
      restored: null,
      live: inputs.live,
      ...replacedBy(plan),
      rewardCut: attributionMs > 0 ? points(plan.rewardCut) : [],
    },
    counts: countsOf(plan, inputs, found),
    clashes: found.clashes + (base?.clashes ?? 0),
    orphanOutcomes: found.orphans,
    campaigns: found.campaigns,
    utcOffsetMinutes,
    latenessMs,
    latePolicy: late,
    attributionMs,
    matureAtMs: limitOf({ day, utcOffsetMinutes, latenessMs }) + attributionMs,
    rewardsUntilMs: plan.rewardsUntilMs,
    arrivedUntilMs: plan.arrivedUntilMs,
  };
  for (const { role, key } of manifest.files) await store.adopt(key, join(output, `${role}.arrow`));
  return writeManifest(store, manifest);
}

const points = (cut: readonly CutPoint[]): CutPoint[] =>
  cut.map(({ topic, partition, offset }) => ({ topic, partition, offset }));

/** What the base had, what came to it, and what did not come in; records is their sum. */
function countsOf({ base, backfill }: BuildPlan, inputs: Inputs, found: BuildResult) {
  const known = base?.counts;
  const duplicate = (known?.duplicate ?? 0) + found.duplicate;
  const deadBefore = base && known ? known.dead_lettered - base.inputs.live.dead : 0;
  const dead_lettered = deadBefore + inputs.live.dead + (backfill?.dead ?? 0);
  const { accepted, late } = found;
  return {
    records: accepted + duplicate + late + dead_lettered,
    accepted,
    duplicate,
    late,
    dead_lettered,
  };
}

/** Records whose place a backfill took: all of its parent but the live ones that still count. */
function replacedBy({ base, parent }: BuildPlan): { readonly replaced?: number } {
  const before = parent?.inputs.replaced ?? 0;
  const replaced = base === undefined && parent !== undefined ? before + takenIn(parent) : before;
  return replaced > 0 ? { replaced } : {};
}

const takenIn = ({ counts, inputs }: PartitionManifest): number =>
  counts.accepted + counts.duplicate + counts.dead_lettered - inputs.live.dead;

/** Rows are counted one by one; ledgers and manifests say how many there are. */
function requireSum(day: string, recorded: number, found: BuildResult): void {
  const { rows, accepted, duplicate, late, below } = found;
  if (accepted + duplicate === rows && rows + late + below === recorded) return;
  throw new VamoError(
    'STORE_CORRUPT',
    `day ${day}: ${recorded} rows are recorded; ${accepted} accepted, ${duplicate} duplicate, ${late} late and ${below} earlier ones were found`,
    { details: { day, recorded, rows, accepted, duplicate, late, below } },
  );
}
