// A small S3 of our own, in memory and atomic, that misbehaves when told to. Not for use outside tests.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { sha256 } from '../../src/core/index.ts';

/**
 * What happens to the next request: an answer in place of what it asks; no answer, before or after it
 * is carried out; a body cut in the middle; a body in small pieces, `ms` apart.
 */
export type Fault =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string }
  | { readonly kind: 'silent' | 'reset'; readonly when: 'before' | 'after' }
  | { readonly kind: 'torn' }
  | { readonly kind: 'dribble'; readonly ms: number };

export interface S3Server {
  readonly endpoint: string;
  readonly objects: Map<string, Buffer>;
  /** Of the next requests, in order; a request takes one. */
  readonly faults: Fault[];
  /** `METHOD path` of every request that came. */
  readonly requests: string[];
  /** false: If-None-Match is not looked at. */
  honoursConditions: boolean;
  close(): Promise<void>;
}

const PAGE = 3;

const refuse = (code: string): string => `<Error><Code>${code}</Code><Message>no</Message></Error>`;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const etagOf = (body: Buffer): string => sha256(body).slice(0, 32);

function listing(objects: ReadonlyMap<string, Buffer>, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  // With a delimiter what lies in a deeper folder stands for that folder, once.
  const shown = (key: string): string => {
    const end = query.has('delimiter') ? key.indexOf('/', prefix.length) : -1;
    return end < 0 ? key : key.slice(0, end + 1);
  };
  const below = [...objects.keys()].filter((k) => k.startsWith(prefix)).map(shown);
  const keys = [...new Set(below)].sort().filter((k) => k > after);
  const page = keys.slice(0, PAGE);
  const more = keys.length > PAGE;
  return [
    `<ListBucketResult><IsTruncated>${String(more)}</IsTruncated>`,
    ...page.map((key) => {
      if (key.endsWith('/')) return `<CommonPrefixes><Prefix>${key}</Prefix></CommonPrefixes>`;
      const body = objects.get(key)!;
      const name = key.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
      return `<Contents><Key>${name}</Key><ETag>&quot;${etagOf(body)}&quot;</ETag><Size>${body.byteLength}</Size></Contents>`;
    }),
    more ? `<NextContinuationToken>${page.at(-1)!}</NextContinuationToken>` : '',
    '</ListBucketResult>',
  ].join('');
}

function found(body: Buffer | undefined, match: string | undefined): [number, Buffer | string] {
  if (body === undefined) return [404, refuse('NoSuchKey')];
  const isAsked = match === undefined || match === `"${etagOf(body)}"`;
  return isAsked ? [200, body] : [412, refuse('PreconditionFailed')];
}

/** Starts it with one bucket, `bucket`, path style. */
export async function startS3Server(): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const faults: Fault[] = [];
  const requests: string[] = [];
  const self = { objects, faults, requests, honoursConditions: true };

  function carryOut(request: IncomingMessage, url: URL, body: Buffer): [number, Buffer | string] {
    const key = decodeURIComponent(url.pathname).replace(/^\/bucket\/?/, '');
    if (request.headers['x-amz-content-sha256'] !== sha256(body))
      return [400, refuse('XAmzContentSHA256Mismatch')];
    if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=id/'))
      return [403, refuse('AccessDenied')];
    if (!url.pathname.startsWith('/bucket')) return [404, refuse('NoSuchBucket')];
    switch (request.method ?? '') {
      case 'PUT':
        if (self.honoursConditions && request.headers['if-none-match'] && objects.has(key))
          return [412, refuse('PreconditionFailed')];
        objects.set(key, body);
        return [200, ''];
      case 'DELETE':
        objects.delete(key);
        return [204, ''];
      default:
        if (key === '') return [200, listing(objects, url.searchParams)];
        return found(objects.get(key), request.headers['if-match']);
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests.push(`${request.method!} ${request.url!}`);
    const fault = faults.shift();
    const body = await bodyOf(request);
    if (fault?.kind === 'answer') {
      response.writeHead(fault.status).end(fault.body ?? '');
      return;
    }
    const fails = fault?.kind === 'silent' || fault?.kind === 'reset' ? fault : undefined;
    const fail = (): void => {
      if (fails?.kind === 'reset') request.socket.destroy();
    };
    if (fails?.when === 'before') return fail();
    const [status, content] = carryOut(request, new URL(request.url!, 'http://host'), body);
    if (fails) return fail();
    const bytes = Buffer.from(content);
    response.writeHead(status, {
      'content-length': bytes.byteLength,
      'last-modified': new Date().toUTCString(),
      etag: `"${etagOf(bytes)}"`,
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    if (fault?.kind === 'torn') {
      response.write(bytes.subarray(0, bytes.byteLength >> 1));
      await wait(20);
      request.socket.destroy();
      return;
    }
    if (fault?.kind === 'dribble')
      for (const byte of bytes.subarray(0, 5)) {
        response.write(Buffer.of(byte));
        await wait(fault.ms);
      }
    response.end(fault?.kind === 'dribble' ? bytes.subarray(5) : bytes);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(self, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}
