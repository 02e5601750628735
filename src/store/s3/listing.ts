import { VamoError } from '../../core/index.ts';
import type { S3Request } from './request.ts';

/** One page of a listing: what to ask, and how to read the answer. */
interface ListPage {
  readonly request: S3Request;
  /** What is below the store's prefix, in byte order; `next` names the page after this one. */
  parse(bytes: Uint8Array): {
    readonly keys: readonly string[];
    /** Names of folders, when the folder alone is listed. */
    readonly folders: readonly string[];
    readonly next?: string;
  };
}

const textOf = (xml: string, tag: string): string | undefined =>
  new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];

/** Keys hold no character that XML would escape (see `validKey`); a service's token may. */
const unescaped = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');

/** What is listed. */
interface Listing {
  /** Of the whole store in its bucket, '' for none. */
  readonly prefix: string;
  readonly folder: string;
  /** Only keys beyond this one. */
  readonly after?: string | undefined;
  /** What lies in deeper folders is left out; these are named instead. */
  readonly isFlat?: boolean;
  /** Keys a page, at most 1000. */
  readonly pageKeys: number;
}

/** @param from `next` of the page before */
export function listPage(
  { prefix, folder, after, isFlat = false, pageKeys }: Listing,
  from: string | undefined,
): ListPage {
  const base = prefix === '' ? '' : `${prefix}/`;
  const query = {
    'list-type': '2',
    'max-keys': String(pageKeys),
    prefix: `${base}${folder}/`,
    ...(isFlat && { delimiter: '/' }),
    ...(after !== undefined && { 'start-after': `${base}${after}` }),
    ...(from !== undefined && { 'continuation-token': from }),
  };
  return {
    request: { method: 'GET', key: '', query },
    parse(bytes) {
      const xml = Buffer.from(bytes).toString();
      const truncated = textOf(xml, 'IsTruncated');
      const token = textOf(xml, 'NextContinuationToken');
      // Half a listing read as a whole one would hide committed data.
      if (
        !xml.includes('</ListBucketResult>') ||
        (truncated !== 'true' && truncated !== 'false') ||
        (truncated === 'true' && token === undefined)
      )
        throw new VamoError(
          'STORE_IO',
          `the listing of ${folder} is not whole: ${xml.slice(0, 120)}`,
        );
      const keys = [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
        key.slice(base.length),
      );
      const folders = [...xml.matchAll(/<CommonPrefixes>\s*<Prefix>([^<]*)\/<\/Prefix>/g)].map(
        ([, path = '']) => path.slice(base.length + folder.length + 1),
      );
      return truncated === 'false' || token === undefined
        ? { keys, folders }
        : { keys, folders, next: unescaped(token) };
    },
  };
}
