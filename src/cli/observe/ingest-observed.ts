import { createDayFigures, dayMetrics, type DayFigures } from './day-metrics.ts';
import { ingestMetrics, processMetrics } from './ingest-metrics.ts';
import { serveMetrics } from './metrics-server.ts';
import { createObserver } from './observation.ts';
import { ingestReadiness } from './readiness.ts';
import { watch } from './watch.ts';
import type { Context } from '../context.ts';
import type { EventSource, Ingester } from '../../ingest/index.ts';

/** What shows how an ingester stands while it runs. */
export interface Watching {
  /** Serve metrics on this port; undefined = not. */
  readonly metricsPort?: number | undefined;
  /** Show the live view. */
  readonly watch?: boolean | undefined;
  /** The live view as JSON lines. */
  readonly json?: boolean | undefined;
}

const ENDS_MS = 1000;
const DAYS_MS = 60_000;
const ORPHANS_MS = 3_600_000;

/** Figures that could not be read leave their metrics empty: the others are still worth a scrape. */
const orUndefined = (figures: Promise<DayFigures>): Promise<DayFigures | undefined> =>
  figures.catch(() => undefined);

/** Runs `work` while its ingester is shown and measured. @throws VamoError METRICS_PORT */
export async function observed<T>(
  context: Context,
  ingester: Pick<Ingester, 'snapshot'>,
  source: Pick<EventSource, 'ends'>,
  watching: Watching,
  work: () => Promise<T>,
): Promise<T> {
  const { config, store, now, releasers } = context;
  const observe = createObserver({
    ingester,
    source,
    clock: () => performance.now(),
    now,
    everyMs: ENDS_MS,
  });
  const port = watching.metricsPort ?? config.metrics.port;
  if (port !== null) {
    const figures = createDayFigures({
      store,
      config,
      now,
      everyMs: DAYS_MS,
      orphansEveryMs: ORPHANS_MS,
    });
    const server = await serveMetrics({
      host: config.metrics.host,
      port,
      metrics: async () => [
        ...ingestMetrics(await observe(), config.ingest.bufferBytes),
        ...dayMetrics(await orUndefined(figures())),
        ...processMetrics(),
      ],
      readiness: async () => ingestReadiness(await observe(), config.ingest.flushMs),
    });
    releasers.push(() => server.close());
    const address = `http://${config.metrics.host}:${String(server.port)}/metrics`;
    process.stderr.write(`metrics: ${address}\n`);
  }
  if (watching.watch !== true) return work();
  const view = watch({ observe, stream: process.stdout, json: watching.json === true });
  try {
    return await work();
  } finally {
    await view.end();
  }
}
