import { AwsV4Signer } from 'aws4fetch';
import { createReadStream } from 'node:fs';
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { S3Settings } from '../../contracts/index.ts';
import { sha256 } from '../../core/index.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** A file to send: it is read once for each attempt and never held whole. */
export interface FileBody {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'HEAD' | 'DELETE';
  /** Key below the prefix; '' with a query = the bucket. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | FileBody;
  /** Takes the body of a good answer as it comes; without it the answer holds it. */
  readonly into?: (body: IncomingMessage) => Promise<void>;
}

export interface S3Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
  /** When the object was written last, as the service says; NaN when it does not. */
  readonly modifiedMs: number;
  /** The object's, with its quotes; '' when the service does not say. */
  readonly etag: string;
}

/** Sends one request once. Rejects when no whole answer came, with the system's code where it has one. */
export type Send = (request: S3Request) => Promise<S3Answer>;

/** Connections stay open between requests but keep no process alive. */
const AGENTS = {
  http: new HttpAgent({ keepAlive: true, maxSockets: 64 }),
  https: new HttpsAgent({ keepAlive: true, maxSockets: 64 }),
};

const EMPTY = sha256('');

/** Every character but letters, digits and - _ . ~ as %XX: what the signature is made over. */
const encoded = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, hex);
const hex = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;

/** The address of a key, or of the bucket with a query. */
export function addressOf(
  { endpoint, bucket, prefix, pathStyle }: S3Settings,
  key: string,
  query: Readonly<Record<string, string>> = {},
): string {
  const base = new URL(endpoint);
  if (!pathStyle) base.host = `${bucket}.${base.host}`;
  const before = decodeURIComponent(base.pathname.replace(/\/+$/, ''));
  const parts = [before, ...(pathStyle ? [bucket] : [])];
  if (key !== '') parts.push(...[prefix, key].filter((part) => part !== ''));
  const path = parts.join('/').split('/').map(encoded).join('/');
  const pairs = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  const asked = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  return `${base.protocol}//${base.host}${path.startsWith('/') ? path : `/${path}`}${asked}`;
}

/**
 * Requests to one bucket, signed (AWS signature 4, the body's digest in it).
 * @param idleMs a connection on which nothing moves for so long is given up
 */
export function createSend(settings: S3Settings, credentials: Credentials, idleMs: number): Send {
  return async ({ method, key, query, headers, body, into }) => {
    const signer = new AwsV4Signer({
      method,
      url: addressOf(settings, key, query),
      headers: { ...headers, 'x-amz-content-sha256': digestOf(body) },
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(credentials.sessionToken !== undefined && { sessionToken: credentials.sessionToken }),
      service: 's3',
      region: settings.region,
    });
    const signed = await signer.sign();
    const length = lengthOf(body);
    const isTls = signed.url.protocol === 'https:';
    const outgoing = (isTls ? httpsRequest : httpRequest)(signed.url, {
      method,
      agent: isTls ? AGENTS.https : AGENTS.http,
      headers: {
        ...Object.fromEntries(signed.headers),
        ...(method === 'PUT' && { 'content-length': length }),
      },
    });
    outgoing.setTimeout(idleMs, () =>
      outgoing.destroy(withCode(`no sign of life for ${idleMs} ms`, 'ETIMEDOUT')),
    );
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.on('error', reject);
    });
    const sent = sendBody(body, outgoing);
    // A refusal may come before the body is out: then the answer counts, not the broken pipe.
    sent.catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : undefined));
    return receive(await answered, method, into);
  };
}

const isFile = (body: Uint8Array | FileBody): body is FileBody => 'path' in body;

function digestOf(body: S3Request['body']): string {
  if (body === undefined) return EMPTY;
  return isFile(body) ? body.sha256 : sha256(body);
}

function lengthOf(body: S3Request['body']): number {
  if (body === undefined) return 0;
  return isFile(body) ? body.bytes : body.byteLength;
}

function sendBody(body: S3Request['body'], to: NodeJS.WritableStream): Promise<void> {
  if (body !== undefined && isFile(body)) return pipeline(createReadStream(body.path), to);
  return pipeline(Readable.from(body === undefined ? [] : [body]), to);
}

async function receive(
  response: IncomingMessage,
  method: S3Request['method'],
  into: S3Request['into'],
): Promise<S3Answer> {
  const status = response.statusCode ?? 0;
  const modifiedMs = Date.parse(response.headers['last-modified'] ?? '');
  const etag = response.headers.etag ?? '';
  if (into !== undefined && status === 200) {
    await into(response);
    return { status, bytes: new Uint8Array(0), modifiedMs, etag };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const announced = response.headers['content-length'];
  const isWhole =
    method === 'HEAD' || announced === undefined || Number(announced) === bytes.byteLength;
  if (!isWhole) throw withCode(`${bytes.byteLength} of ${announced} bytes came`, 'ECONNRESET');
  return { status, bytes, modifiedMs, etag };
}

/** An error that is told apart like the system's own. */
export function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}
