import { randomUUID, timingSafeEqual } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, gzipSync } from 'node:zlib';
import type { ChdbResult, Session } from 'chdb';
import { listen, type Logger, sha256 } from '../../core/index.ts';
import { CODES, engineFailure, failure, type Failure } from './failure.ts';
import { insertFromFile, insertsBody } from './insert.ts';
import { type FrontRequest, parseRequest } from './request.ts';
import { whyNotReadOnly } from '../read-only.ts';
import { createSessions } from './sessions.ts';

export interface FrontOptions {
  /** The engine directory, which this process has open. */
  readonly directory: string;
  /** Bodies of inserts wait here; emptied at the start. */
  readonly spool: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Who gives it as the password may change things; without any password one may read. */
  readonly token: string;
  readonly log: Logger;
}

export interface Front {
  readonly port: number;
  /** Lets running statements end. */
  close(): Promise<void>;
}

/** A statement is text; rows to insert go in a body beside it and may be of any size. */
const MAX_STATEMENT_BYTES = 16 << 20;
/** They would change the session, which other requests use later. */
const SESSION_STATEMENT = /^\s*(SET|USE)\b/i;

class Refusal extends Error {
  readonly failure: Failure;
  constructor(refused: Failure) {
    super(refused.text);
    this.failure = refused;
  }
}
const refuse = (code: number, type: string, reason: string): Refusal =>
  new Refusal(failure(code, type, reason));

/**
 * Serves the embedded engine of this process to others by ClickHouse's HTTP interface: statements by
 * POST body or `?query=`, rows to insert as the body, errors with their number, gzip both ways. Any
 * ClickHouse client can ask. Settings go with a request; sessions are not kept.
 * @throws VamoError SQL_PORT, ENGINE_UNAVAILABLE
 */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { log } = options;
  const spool = resolve(options.spool);
  await rm(spool, { recursive: true, force: true });
  await mkdir(spool, { recursive: true });
  const { Session } = await import('chdb');
  const sessions = createSessions(() => new Session(resolve(options.directory)));
  const running = new Set<Promise<void>>();

  async function run(asked: FrontRequest, request: IncomingMessage): Promise<ChdbResult | null> {
    const mayChange = authorize(asked, request, options);
    const kind = {
      database: asked.database,
      readsOnly: asked.readsOnly || !mayChange || asked.settings['readonly'] === '1',
      settings: Object.fromEntries(
        Object.entries(asked.settings).filter(([k]) => k !== 'readonly'),
      ),
    };
    const guarded = (sql: string): string => {
      const reason = kind.readsOnly ? whyNotReadOnly(sql) : undefined;
      if (reason !== undefined) throw refuse(CODES.readonly, 'READONLY', reason);
      return sql;
    };
    const body = asked.gzipBody ? request.pipe(createGunzip()) : request;
    const execute = (sql: string): Promise<ChdbResult> =>
      sessions.use(kind, (session) => executeIn(session, sql, asked));
    if (!insertsBody(asked.query)) {
      const text = await readText(body);
      return execute(guarded(asked.query === '' ? text : `${asked.query}\n${text}`));
    }
    guarded(asked.query);
    const path = join(spool, randomUUID());
    try {
      const file = createWriteStream(path);
      await pipeline(body, file);
      return file.bytesWritten === 0 ? null : await execute(insertFromFile(asked.query, path));
    } finally {
      await rm(path, { force: true });
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === '/ping' || (path === '/' && request.method === 'GET' && request.url === '/'))
      return reply(response, 200, {}, Buffer.from('Ok.\n'));
    const asked = parseRequest(request);
    const headers: Record<string, string> = {
      'x-clickhouse-query-id': asked.queryId ?? randomUUID(),
      'x-clickhouse-server-display-name': 'vamo',
    };
    try {
      if (path !== '/')
        throw refuse(CODES.notImplemented, 'NOT_IMPLEMENTED', `no such path: ${path}`);
      const result = await run(asked, request);
      headers['x-clickhouse-summary'] = JSON.stringify({
        read_rows: String(result?.rowsRead ?? 0),
        read_bytes: String(result?.bytesRead ?? 0),
        elapsed_ns: String(Math.round((result?.elapsed ?? 0) * 1e9)),
      });
      const bytes = result?.bytes() ?? Buffer.alloc(0);
      if (asked.gzipAnswer) headers['content-encoding'] = 'gzip';
      reply(response, 200, headers, asked.gzipAnswer ? gzipSync(bytes, { level: 1 }) : bytes);
    } catch (error) {
      const failed = error instanceof Refusal ? error.failure : engineFailure(error);
      log.debug('clickhouse.front', { code: failed.code, text: failed.text });
      // What is left of the body is not read: the connection cannot be used again.
      if (!request.complete) headers['connection'] = 'close';
      headers['x-clickhouse-exception-code'] = String(failed.code);
      reply(response, failed.status, headers, Buffer.from(failed.text));
    }
  }

  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const work = answer(request, response)
      .catch((error: unknown) => {
        log.warn('clickhouse.connection', { reason: String(error) });
        response.destroy();
      })
      .finally(() => running.delete(work));
    running.add(work);
  });
  const port = await listen(server, options, { code: 'SQL_PORT', who: 'clickhouse' });
  return {
    port,
    async close() {
      server.close();
      server.closeIdleConnections();
      await Promise.all(running);
      server.closeAllConnections();
      sessions.close();
    },
  };
}

/** A name that was made to point here, by a page in a browser, is not one of this machine's own. */
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)(:\d+)?$/;

/** Whether the request may change things. A wrong password is refused; none may read. */
function authorize(
  asked: FrontRequest,
  { headers }: IncomingMessage,
  { host, token }: FrontOptions,
): boolean {
  if (asked.password === '') {
    if (!LOOPBACK.test(host) || LOOPBACK.test(headers.host ?? '')) return false;
    throw refuse(CODES.unauthorized, 'AUTHENTICATION_FAILED', `no front of ${headers.host ?? ''}`);
  }
  // Digests are of one length, whatever was sent.
  const [given, right] = [asked.password, token].map((text) => Buffer.from(sha256(text)));
  if (given !== undefined && right !== undefined && timingSafeEqual(given, right)) return true;
  throw refuse(
    CODES.unauthorized,
    'AUTHENTICATION_FAILED',
    'the password is not the token of this data directory',
  );
}

function executeIn(session: Session, sql: string, asked: FrontRequest): Promise<ChdbResult> {
  if (SESSION_STATEMENT.test(sql))
    throw refuse(
      CODES.notImplemented,
      'NOT_IMPLEMENTED',
      'sessions are not kept: settings and the database go in the address of each request',
    );
  const format = { format: asked.defaultFormat };
  return Object.keys(asked.parameters).length > 0
    ? session.queryBindAsync(sql, asked.parameters, format)
    : session.queryAsync(sql, format);
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_STATEMENT_BYTES)
      throw refuse(
        CODES.tooLarge,
        'TOO_MANY_BYTES',
        `a statement of more than ${MAX_STATEMENT_BYTES} bytes; rows to insert go in the body, with the statement in ?query=`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reply(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=UTF-8',
    ...headers,
    'content-length': body.byteLength,
  });
  response.end(body);
}
