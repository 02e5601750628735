import { silentLogger } from '../../src/core/index.ts';
import { createBuilderPool } from '../../src/ingest/builder-pool.ts';
import { createJsonDecoder } from '../../src/ingest/decode-json.ts';
import { createGate } from '../../src/ingest/gate.ts';
import type { PartitionContext } from '../../src/ingest/partition-context.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { TASKS } from './ingest-records.ts';

const decoder = createJsonDecoder({ tasks: new Set(TASKS.map((t) => t.id)), utcOffsetMinutes: 0 });

/** What a partition of topic `t` is opened with: nothing is due by age, and no failure is waited for. */
export function partitionContext(
  store: ObjectStore,
  over: Partial<PartitionContext> = {},
): PartitionContext {
  const stats = { records: 0, filtered: 0, rows: 0, deadLetters: 0 };
  return {
    topic: 't',
    store,
    decoder,
    utcOffsetMinutes: 0,
    flushRows: 1e9,
    flushMs: 1e9,
    maxBadShare: 1,
    builders: createBuilderPool(),
    flushGate: createGate(2),
    waitsForStore: false,
    clock: () => 0,
    stats: { ...stats, commits: 0, lost: 0, seeks: 0, gaps: 0, reread: 0 },
    log: silentLogger,
    signal: new AbortController().signal,
    ...over,
  };
}
