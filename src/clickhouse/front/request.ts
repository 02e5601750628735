import type { IncomingMessage } from 'node:http';

/** What a request asks, in the terms of ClickHouse's HTTP interface. */
export interface FrontRequest {
  /** The statement, or its beginning, as the address gives it; '' = it is the body. */
  readonly query: string;
  readonly queryId: string | undefined;
  /** The format of an answer whose statement names none. */
  readonly defaultFormat: string;
  readonly database: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Values of `{name:Type}` in the statement. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly password: string;
  /** The method allows no change, whoever asks. */
  readonly readsOnly: boolean;
  readonly gzipAnswer: boolean;
  readonly gzipBody: boolean;
}

/** Parameters of the address that are no settings; those of a server's own business do nothing here. */
const CONTROL = new Set([
  ...['query', 'query_id', 'default_format', 'database', 'user', 'password', 'quota_key', 'role'],
  ...['session_id', 'session_timeout', 'session_check', 'compress', 'decompress', 'buffer_size'],
  ...['wait_end_of_query', 'stacktrace', 'enable_http_compression', 'client_protocol_version'],
  ...['send_progress_in_http_headers', 'http_headers_progress_interval_ms'],
  ...['http_write_exception_in_output_format', 'http_response_buffer_size', 'async_insert'],
]);

function passwordOf({ headers }: IncomingMessage, params: URLSearchParams): string {
  const [scheme = '', encoded = ''] = (headers.authorization ?? '').split(' ');
  if (scheme.toLowerCase() === 'basic') {
    const pair = Buffer.from(encoded, 'base64').toString();
    return pair.slice(pair.indexOf(':') + 1);
  }
  if (scheme.toLowerCase() === 'bearer') return encoded;
  const key = headers['x-clickhouse-key'];
  return typeof key === 'string' ? key : (params.get('password') ?? '');
}

/** Reads address and headers; the body stays where it is. */
export function parseRequest(request: IncomingMessage): FrontRequest {
  const { searchParams: params } = new URL(request.url ?? '/', 'http://front');
  const settings: Record<string, string> = {};
  const parameters: Record<string, string> = {};
  for (const [name, value] of params)
    if (name.startsWith('param_')) parameters[name.slice('param_'.length)] = value;
    else if (!CONTROL.has(name)) settings[name] = value;
  const format = request.headers['x-clickhouse-format'];
  const header = (name: string): string => String(request.headers[name] ?? '');
  return {
    query: params.get('query') ?? '',
    queryId: params.get('query_id') ?? undefined,
    defaultFormat:
      params.get('default_format') ?? (typeof format === 'string' ? format : 'TabSeparated'),
    database: params.get('database') ?? 'default',
    settings,
    parameters,
    password: passwordOf(request, params),
    readsOnly: request.method !== 'POST',
    gzipAnswer:
      params.get('enable_http_compression') === '1' && header('accept-encoding').includes('gzip'),
    gzipBody: header('content-encoding') === 'gzip',
  };
}
