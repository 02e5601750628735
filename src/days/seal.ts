import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openEmbedded } from '../clickhouse/index.ts';
import { EVENT_COLUMNS, type PartitionManifest, STEP_ROWS } from '../contracts/index.ts';
import { VamoError, sha256, silentLogger, throwIfAborted } from '../core/index.ts';
import {
  STEPS_FILE_COLUMNS,
  columnsDigest,
  findManifest,
  partitionPrefix,
  writeManifest,
} from '../store/index.ts';
import { type SealOptions, type SealPlan, planSeal } from './seal-plan.ts';
import {
  type SealCounts,
  type WorkFolders,
  freshWork,
  runSealSql,
  stageSegments,
} from './seal-work.ts';

const GENERATION = 1;

/**
 * Seals a day: takes its committed rows below the cut, removes duplicates, writes `events.arrow`
 * and `steps.arrow`, and last the manifest, only if absent. Before the manifest stands nothing is
 * sealed, and the same call starts over; after it the call gives back what stands there.
 *
 * @throws VamoError DAY_MISSING no committed rows; DAY_NOT_READY; DAY_SEALED sealed under another
 *   zone or lateness; STORE_CORRUPT a segment differs from its ledger entry; SQL_FAILED;
 *   DATA_LOCKED another process uses `engineDir`; STORE_FULL; INTERRUPTED
 */
export async function sealDay(options: SealOptions): Promise<PartitionManifest> {
  const { store, day, config, signal, log = silentLogger, progress } = options;
  const sealed = await findManifest(store, day, GENERATION);
  if (sealed !== undefined) return asAsked(sealed, config.days);

  const plan = await planSeal(options);
  progress?.(1, 4, 'cut found');
  throwIfAborted(signal);
  const engine = await openEmbedded(options.engineDir);
  try {
    // The engine directory is this process's now; another sealer may have finished before that.
    const meanwhile = await findManifest(store, day, GENERATION);
    if (meanwhile !== undefined) return asAsked(meanwhile, config.days);
    const work = await freshWork(options.engineDir);
    await stageSegments(store, plan.committed, work.segments, signal);
    progress?.(2, 4, 'segments verified');
    const found = await runSealSql(engine, work, plan.cuts, options);
    progress?.(3, 4, 'events and steps written');
    throwIfAborted(signal);
    const manifest = await publish(options, plan, found, work);
    await rm(work.root, { recursive: true, force: true });
    log.info('day sealed', { day, digest: manifest.digest, ...manifest.counts });
    progress?.(4, 4, 'sealed');
    return manifest;
  } finally {
    await engine.close();
  }
}

/** A sealed day never changes: asking for it under other rules is an error, not a new seal. */
function asAsked(
  manifest: PartitionManifest,
  days: SealOptions['config']['days'],
): PartitionManifest {
  for (const rule of ['utcOffsetMinutes', 'latenessMs'] as const)
    if (manifest[rule] !== days[rule])
      throw new VamoError(
        'DAY_SEALED',
        `day ${manifest.day} is sealed with days.${rule} ${manifest[rule]}, asked for ${days[rule]}`,
        { details: { day: manifest.day, rule } },
      );
  return manifest;
}

/** Adopts the files, then writes the manifest that makes them a sealed day. */
async function publish(
  { store, day, config }: SealOptions,
  { committed, cuts }: SealPlan,
  found: SealCounts,
  work: WorkFolders,
): Promise<PartitionManifest> {
  const prefix = partitionPrefix(day, GENERATION);
  const events = await readFile(join(work.output, 'events.arrow'));
  const steps = await readFile(join(work.output, 'steps.arrow'));
  const perDay = Object.values(found.campaigns).reduce((a, b) => a + b, 0);
  const file = (role: 'events' | 'steps', bytes: Uint8Array, rows: number) => ({
    role,
    key: `${prefix}${role}.arrow`,
    rows,
    bytes: bytes.byteLength,
    sha256: sha256(bytes),
  });
  const records = committed.segments.reduce((a, s) => a + s.rows, 0);
  const dead = committed.deadLetters.reduce((a, d) => a + (d.byDay[day] ?? 0), 0);
  requireSum(day, records, found);
  const manifest: PartitionManifest = {
    schema: 'partition/v1',
    day,
    generation: GENERATION,
    digest: columnsDigest(events, EVENT_COLUMNS),
    stepsDigest: columnsDigest(steps, STEPS_FILE_COLUMNS),
    files: [file('events', events, found.accepted), file('steps', steps, perDay * STEP_ROWS)],
    cut: cuts.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    counts: {
      records: records + dead,
      accepted: found.accepted,
      duplicate: found.duplicate,
      late: found.late,
      dead_lettered: dead,
    },
    clashes: found.clashes,
    orphanOutcomes: found.orphans,
    campaigns: found.campaigns,
    utcOffsetMinutes: config.days.utcOffsetMinutes,
    latenessMs: config.days.latenessMs,
  };
  for (const { role, key } of manifest.files)
    await store.adopt(key, join(work.output, `${role}.arrow`));
  return writeManifest(store, manifest);
}

/** Accepted, duplicate and late rows are counted one by one; the ledger says how many there are. */
function requireSum(day: string, records: number, found: SealCounts): void {
  const { accepted, duplicate, late } = found;
  if (accepted + duplicate + late === records) return;
  throw new VamoError(
    'STORE_CORRUPT',
    `day ${day}: the ledgers name ${records} rows; ${accepted} accepted, ${duplicate} duplicate and ${late} late were found in their segments`,
    { details: { day, records, accepted, duplicate, late } },
  );
}
