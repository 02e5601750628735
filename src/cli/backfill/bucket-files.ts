import { basename, join } from 'node:path';
import { type BackfillPlan, type S3Settings, storeSettings } from '../../contracts/index.ts';
import { environmentValue, isVamoError, throwIfAborted, VamoError } from '../../core/index.ts';
import { keyPattern } from '../../ingest/index.ts';
import { type Bucket, type ListedObject, openBucket } from '../../store/index.ts';
import type { Context } from '../context.ts';

const URL_FORM = /^s3:\/\/([^/]*)\/(.+)$/s;

/** Whether files lie in a bucket and not on this host. */
export const isInBucket = (path: string): boolean => path.startsWith('s3://');

type Configured = Pick<Context, 'config'>;

/** The service: as AWS's own tools are told, else the one that holds the data set, else Amazon's. */
function serviceOf({ config: { store } }: Configured, bucket: string) {
  const own = store.kind === 's3' ? store : undefined;
  const region =
    environmentValue('AWS_REGION') ?? environmentValue('AWS_DEFAULT_REGION') ?? own?.region;
  const named = environmentValue('AWS_ENDPOINT_URL_S3') ?? environmentValue('AWS_ENDPOINT_URL');
  if (named !== undefined) return { endpoint: named, region, pathStyle: true };
  if (own !== undefined) return { endpoint: own.endpoint, region, pathStyle: own.pathStyle };
  const endpoint = `https://s3.${region ?? 'us-east-1'}.amazonaws.com`;
  // A certificate holds for one name before the service's, and not for names with dots.
  return { endpoint, region, pathStyle: bucket.includes('.') };
}

function addressed(url: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = '', key = ''] = URL_FORM.exec(url) ?? [];
  if (key === '')
    throw new VamoError('USAGE', `--files ${url}: must be s3://BUCKET/KEY`, {
      mend: 'Name a bucket and a pattern of its keys, as s3://logs/2026/*.parquet.',
    });
  return { bucket, key };
}

function settingsOf(context: Configured, url: string): S3Settings {
  const { bucket } = addressed(url);
  const parsed = storeSettings.safeParse({ kind: 's3', bucket, ...serviceOf(context, bucket) });
  if (parsed.success && parsed.data.kind === 's3') return parsed.data;
  const [issue] = parsed.error?.issues ?? [];
  const what = `${String(issue?.path.join('.'))} ${issue?.message ?? ''}`;
  throw new VamoError('USAGE', `--files ${url}: ${what}`, {
    mend: 'Correct the name, or AWS_ENDPOINT_URL and AWS_REGION in the environment.',
  });
}

const MEND =
  'Check the bucket, AWS_ENDPOINT_URL, AWS_REGION, the credentials and that they may list and read it.';

/** What goes wrong with a bucket is told of the files, not of the data set's own store. */
async function told<T>(url: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    if (!isVamoError(cause, 'STORE_IO')) throw cause;
    throw new VamoError('INGEST_SOURCE', `${url}: ${cause.message}`, { mend: MEND, cause });
  });
}

/**
 * The objects of a pattern, by their keys' order: `*` and `?` in names, `**` for any folders.
 * @throws VamoError USAGE, CONFIG_INVALID without credentials, INGEST_SOURCE when there is none
 */
export async function findObjects(context: Configured, url: string) {
  const { bucket, key } = addressed(url);
  const pattern = keyPattern(key);
  const listed = await told(url, openBucket(settingsOf(context, url)).list(pattern.prefix));
  const found = listed.filter((object) => pattern.test(object.key));
  if (found.length === 0)
    throw new VamoError('INGEST_SOURCE', `no object is named ${url}`, {
      mend: 'Correct the pattern; `*` and `?` stand for characters of a name, `**` for folders.',
      details: { path: url },
    });
  return found.map((object) => {
    const path = `s3://${bucket}/${object.key}`;
    const { bytes, etag } = object;
    if (etag !== '' && Number.isInteger(bytes)) return { path, bytes, etag };
    throw new VamoError('INGEST_SOURCE', `${path}: the service tells no ETag and size`, {
      mend: 'Copy the files to this host: nothing else would show that one has changed.',
    });
  });
}

type Planned = Extract<BackfillPlan['source'], { readonly kind: 'files' }>['files'][number];

/**
 * Where a planned file lies on this host: an object is copied into the folder first.
 * @throws VamoError BACKFILL_INVALID when an object is not the one planned with; INGEST_SOURCE
 */
export function createFetcher(context: Context, folder: () => Promise<string>) {
  const buckets = new Map<string, Bucket>();
  return async ({ path, bytes, etag }: Planned, index: number): Promise<string> => {
    if (etag === undefined) return path;
    throwIfAborted(context.signal);
    const { bucket: name, key } = addressed(path);
    const bucket = buckets.get(name) ?? openBucket(settingsOf(context, path));
    buckets.set(name, bucket);
    // What a name ends with says what the file is.
    const safe = basename(key).replace(/[^A-Za-z0-9._-]/g, '_');
    const to = join(await folder(), `${String(index)}-${safe.slice(-100)}`);
    const object: ListedObject = { key, bytes, etag };
    if (await told(path, bucket.copy(object, to))) return to;
    throw new VamoError('BACKFILL_INVALID', `${path} is not the object planned with`, {
      mend: 'Run the same command again: it plans anew with what is there.',
      details: { path, etag },
    });
  };
}
