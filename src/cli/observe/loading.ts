import { isVamoError, sleep } from '../../core/index.ts';
import type { LiveLoader, LoadRound } from '../../days/index.ts';
import type { Context } from '../context.ts';
import { clickhouseMetrics, type LoadFigures } from './clickhouse-metrics.ts';
import { processMetrics } from './ingest-metrics.ts';
import { serveMetrics } from './metrics-server.ts';

/** What a loader did while it ran. */
export interface Loading extends LoadRound {
  /** Rounds that failed and were repeated. */
  readonly failures: number;
}

/** Failures in a row after which a loader is not ready. */
const PATIENCE = 3;

/**
 * Runs a loader's rounds until the signal is aborted. A round that fails in a way that may pass is
 * repeated; anything else ends it.
 * @throws VamoError METRICS_PORT, STORE_CORRUPT, SQL_FAILED, INGEST_LEDGER
 */
export async function keepLoading(
  context: Context,
  loader: LiveLoader,
  { metricsPort }: { readonly metricsPort?: number | undefined },
): Promise<Loading> {
  const { config, signal, log, now, releasers } = context;
  const done = { segments: 0, days: 0, rows: 0, failures: 0 };
  let failedInARow = 0;
  let reason = '';
  /** When everything was last seen loaded. */
  let calmMs = now();

  const figures = (): LoadFigures => {
    const { segments, days } = loader.pending();
    return {
      pendingSegments: segments,
      pendingDays: days,
      applyLagMs: segments + days > 0 || failedInARow > 0 ? now() - calmMs : 0,
      loadedRows: done.rows,
      failures: done.failures,
    };
  };
  const port = metricsPort ?? config.metrics.port;
  if (port !== null) {
    const server = await serveMetrics({
      host: config.metrics.host,
      port,
      metrics: () => Promise.resolve([...clickhouseMetrics(figures()), ...processMetrics()]),
      readiness: () => {
        const ready = failedInARow < PATIENCE;
        return Promise.resolve({ ready, reasons: ready ? [] : [reason] });
      },
    });
    releasers.push(() => server.close());
    process.stderr.write(`metrics: http://${config.metrics.host}:${String(server.port)}/metrics\n`);
  }

  async function round(): Promise<void> {
    try {
      const made = await loader.round(signal);
      done.segments += made.segments;
      done.days += made.days;
      done.rows += made.rows;
      failedInARow = 0;
      calmMs = now();
    } catch (error) {
      if (signal.aborted) return;
      if (!isVamoError(error) || !error.retriable) throw error;
      done.failures += 1;
      failedInARow += 1;
      reason = error.message;
      log.warn('clickhouse.load', { code: error.code, reason });
    }
  }

  while (!signal.aborted) {
    await round();
    await sleep(config.clickhouse.applyMs, signal).catch((error: unknown) => {
      if (!isVamoError(error, 'INTERRUPTED')) throw error;
    });
  }
  return done;
}
