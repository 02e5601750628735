import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isVamoError, type Logger, VamoError } from '../core/index.ts';
import { MAX_REQUEST_BYTES } from './request.ts';

/** What a route answers; `undefined` bodies are never sent. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Handlers by `METHOD /path`. A string reply body goes out as text, anything else as JSON. */
export type Routes = Readonly<Record<string, (body: string) => Promise<Reply> | Reply>>;

const STATUS: Readonly<Partial<Record<string, number>>> = {
  BIDDER_REQUEST: 400,
  BIDDER_NOT_READY: 503,
};

/** A small HTTP server: bodies capped, slow clients cut off, errors as `{error: {code, message}}`. */
export function createBidderServer(routes: Routes, log: Logger): Server {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000 },
    (request, response) => {
      answer(routes, request)
        .catch((error: unknown) => failure(error, log))
        .then((reply) => send(response, reply))
        .catch((error: unknown) => {
          log.warn('bidder.connection', { error: String(error) });
          response.destroy();
        });
    },
  );
  server.keepAliveTimeout = 30_000;
  server.maxConnections = 1024;
  return server;
}

async function answer(routes: Routes, request: IncomingMessage): Promise<Reply> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const route = `${request.method ?? ''} ${path}`;
  const handler = Object.hasOwn(routes, route) ? routes[route] : undefined;
  if (handler !== undefined) return handler(await readBody(request));
  request.resume();
  const known = Object.keys(routes).some((r) => r.endsWith(` ${path}`));
  const message = `${route}: ${known ? 'method not allowed' : 'no such path'}`;
  return { status: known ? 405 : 404, body: { error: { code: 'BIDDER_REQUEST', message } } };
}

async function readBody(request: IncomingMessage): Promise<string> {
  if (request.headers['content-encoding'] !== undefined)
    throw new VamoError('BIDDER_REQUEST', 'content-encoding: must not be used');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Beyond the cap nothing is kept, but the rest is read so that the answer can be.
    if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
    else chunks.length = 0;
    if (size > 4 * MAX_REQUEST_BYTES) request.destroy();
  }
  if (size > MAX_REQUEST_BYTES)
    throw new VamoError('BIDDER_REQUEST', `body: ${size} bytes, at most ${MAX_REQUEST_BYTES}`, {
      details: { status: 413 },
    });
  return Buffer.concat(chunks).toString('utf8');
}

function failure(error: unknown, log: Logger): Reply {
  if (!isVamoError(error)) {
    log.error('bidder.internal', { error: String(error) });
    return { status: 500, body: { error: { code: 'ENGINE_GRAPH', message: 'internal error' } } };
  }
  const { code, message, details } = error;
  const status = details['status'] === 413 ? 413 : (STATUS[code] ?? 500);
  return { status, body: { error: { code, message } } };
}

function send(response: ServerResponse, { status, body }: Reply): void {
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
