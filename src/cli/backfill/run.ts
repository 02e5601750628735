import { type BackfillPlan, rulesOf } from '../../contracts/index.ts';
import { throwIfAborted } from '../../core/index.ts';
import {
  freezePlan,
  type PublishedDay,
  publishBackfill,
  sourceTotals,
  storeOfBackfill,
} from '../../days/index.ts';
import { createIngester, type IngestStats } from '../../ingest/index.ts';
import { keepOrphanGrace, keepRules, readLedgers } from '../../store/index.ts';
import { asSealer } from '../commands/seal.ts';
import { type Context, keepConfig } from '../context.ts';
import { openPlanned } from './open-source.ts';
import { describeSource } from './plan.ts';

export interface BackfillResult {
  /** Of all that was read: by interrupted runs before, too. */
  readonly stats: Pick<IngestStats, 'records' | 'filtered' | 'rows' | 'deadLetters'>;
  readonly published: readonly PublishedDay[];
}

/**
 * Carries a plan out: fixes it, reads its source into ledgers of its own, then publishes a generation
 * of each day. Killed at any moment, the same plan goes on where it stopped and ends the same.
 */
export async function runBackfill(context: Context, plan: BackfillPlan): Promise<BackfillResult> {
  const { store } = context;
  await keepConfig(context);
  await keepRules(store, rulesOf(context.config));
  // Again, for tasks that are among the rules only now.
  await keepConfig(context);
  await keepOrphanGrace(store, context.config.ingest.orphanGraceMs);
  await freezePlan(store, plan);
  await readSource(context, plan);
  const read = sourceTotals(await readLedgers(storeOfBackfill(store, plan.id)));
  const { records, filtered, rows, dead_lettered: deadLetters } = read;
  const stats = { records, filtered, rows, deadLetters };
  const published = await asSealer(context, (building) =>
    publishBackfill(building, store, plan.id),
  );
  return { stats, published };
}

async function readSource(context: Context, plan: BackfillPlan): Promise<void> {
  const { store, config, log, signal } = context;
  const planned = await openPlanned(context, plan);
  const { source, decoder } = planned;
  const ingester = createIngester({
    source,
    decoder,
    store: storeOfBackfill(store, plan.id),
    tasks: config.tasks,
    utcOffsetMinutes: config.days.utcOffsetMinutes,
    // Of dead letters any number may still be bad.
    ingest:
      plan.source.kind === 'dead-letters' ? { ...config.ingest, maxBadShare: 1 } : config.ingest,
    clock: () => performance.now(),
    log,
    progress: context.progress.stage(`read (${describeSource(plan).progress})`),
  });
  try {
    await ingester.run({ signal, until: 'end' });
    throwIfAborted(signal);
  } finally {
    await planned.forget();
    context.progress.clear();
  }
}
