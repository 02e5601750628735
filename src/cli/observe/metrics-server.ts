import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { listen } from '../../core/index.ts';
import { CONTENT_TYPE, type Metric, renderMetrics } from './prometheus.ts';

/** Whether the process does its work now; the reasons when it does not. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (200 while the process answers) and `/readyz` (200
 * while it does its work, else 503 with the reasons).
 * @param port 0 = any free one
 * @throws VamoError METRICS_PORT
 */
export async function serveMetrics(options: {
  readonly host: string;
  readonly port: number;
  metrics(): Promise<readonly Metric[]>;
  readiness(): Promise<Readiness>;
}): Promise<MetricsServer> {
  const routes: Readonly<Record<string, (response: ServerResponse) => Promise<void>>> = {
    '/metrics': async (response) =>
      send(response, 200, CONTENT_TYPE, renderMetrics(await options.metrics())),
    '/healthz': async (response) => send(response, 200, 'text/plain', 'ok\n'),
    '/readyz': async (response) => {
      const found = await options.readiness();
      const body = `${JSON.stringify(found)}\n`;
      await send(response, found.ready ? 200 : 503, 'application/json', body);
    },
  };
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const isGet = request.method === 'GET' || request.method === 'HEAD';
    const answered =
      route === undefined
        ? send(response, 404, 'text/plain', 'try /metrics, /healthz or /readyz\n')
        : isGet
          ? route(response)
          : send(response, 405, 'text/plain', 'GET only\n');
    answered.catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  const port = await listen(server, options, { code: 'METRICS_PORT', who: 'metrics' });
  return {
    port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): Promise<void> {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
  return Promise.resolve();
}
