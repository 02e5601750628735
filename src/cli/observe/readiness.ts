import type { Observation } from './observation.ts';
import type { Readiness } from './metrics-server.ts';

/** A partition that commits nothing for so many flush intervals is stuck. */
const PATIENCE = 3;
const LEAST_MS = 60_000;

/** Whether an ingester does its work: joined, its source answers, and no partition is stuck. */
export function ingestReadiness(
  { snapshot, ends, waitingMs }: Observation,
  flushMs: number,
): Readiness {
  const reasons: string[] = [];
  if (snapshot.stats === undefined) reasons.push('not begun');
  if (ends === undefined) reasons.push('the source does not tell its end');
  const limit = Math.max(LEAST_MS, PATIENCE * flushMs);
  for (const [partition, ms] of waitingMs)
    if (ms > limit)
      reasons.push(
        `partition ${partition}: nothing committed for ${String(Math.round(ms / 1000))} s`,
      );
  return { ready: reasons.length === 0, reasons };
}
