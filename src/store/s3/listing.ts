import { VamoError } from '../../core/index.ts';
import type { S3Request } from './request.ts';

/** One page of a listing: what to ask, and how to read the answer. */
interface ListPage {
  readonly request: S3Request;
  /** Keys below the store's prefix, in byte order; `next` names the page after this one. */
  parse(bytes: Uint8Array): { readonly keys: readonly string[]; readonly next?: string };
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
  /** Keys a page, at most 1000. */
  readonly pageKeys: number;
}

/** @param from `next` of the page before */
export function listPage(
  { prefix, folder, after, pageKeys }: Listing,
  from: string | undefined,
): ListPage {
  const base = prefix === '' ? '' : `${prefix}/`;
  const query = {
    'list-type': '2',
    'max-keys': String(pageKeys),
    prefix: `${base}${folder}/`,
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
      return truncated === 'false' || token === undefined
        ? { keys }
        : { keys, next: unescaped(token) };
    },
  };
}
