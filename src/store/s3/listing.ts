import { VamoError } from '../../core/index.ts';
import type { Ask } from './client.ts';
import type { S3Request } from './request.ts';

/** An object as a listing tells of it. */
export interface ListedObject {
  readonly key: string;
  /** NaN where the service does not say. */
  readonly bytes: number;
  /** Changes with the contents; with its quotes, '' where the service does not say. */
  readonly etag: string;
}

/** What a listing found. */
export interface Listed {
  readonly objects: readonly ListedObject[];
  /** Names of folders, when a folder alone is listed. */
  readonly folders: readonly string[];
}

/** One page of a listing: what to ask, and how to read the answer. */
interface ListPage {
  readonly request: S3Request;
  /** What is below the prefix, in byte order; `next` names the page after this one. */
  parse(bytes: Uint8Array): Listed & { readonly next?: string };
}

const textOf = (xml: string, tag: string): string | undefined =>
  new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];

const NAMED: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  amp: '&',
};

const unescaped = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, ten?: string, name = '') =>
      hex !== undefined || ten !== undefined
        ? String.fromCodePoint(hex !== undefined ? parseInt(hex, 16) : Number(ten))
        : (NAMED[String(name)] ?? whole),
  );

/** What is listed. */
interface Listing {
  /** What keys begin with. */
  readonly prefix: string;
  /** Of what is listed, for people. */
  readonly name: string;
  /** Only keys beyond this one. */
  readonly after?: string | undefined;
  /** What lies in deeper folders is left out; these are named instead. */
  readonly isFlat?: boolean;
  /** Keys a page, at most 1000. */
  readonly pageKeys?: number;
}

/** @param from `next` of the page before */
function listPage(
  { prefix, name, after, isFlat = false, pageKeys = 1000 }: Listing,
  from: string | undefined,
): ListPage {
  const query = {
    'list-type': '2',
    'max-keys': String(pageKeys),
    prefix,
    ...(isFlat && { delimiter: '/' }),
    ...(after !== undefined && { 'start-after': after }),
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
          `the listing of ${name} is not whole: ${xml.slice(0, 120)}`,
        );
      const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, one = '']) => ({
        key: unescaped(textOf(one, 'Key') ?? ''),
        bytes: Number(textOf(one, 'Size') ?? Number.NaN),
        etag: unescaped(textOf(one, 'ETag') ?? ''),
      }));
      const folders = [...xml.matchAll(/<CommonPrefixes>\s*<Prefix>([^<]*)\/<\/Prefix>/g)].map(
        ([, path = '']) => unescaped(path).slice(prefix.length),
      );
      return truncated === 'false' || token === undefined
        ? { objects, folders }
        : { objects, folders, next: unescaped(token) };
    },
  };
}

/** @throws VamoError STORE_IO */
export async function listAll(ask: Ask, listing: Listing): Promise<Listed> {
  const objects: ListedObject[] = [];
  const folders: string[] = [];
  let from: string | undefined;
  do {
    const page = listPage(listing, from);
    const found = page.parse((await ask(page.request, [200])).bytes);
    objects.push(...found.objects);
    folders.push(...found.folders);
    from = found.next;
  } while (from !== undefined);
  return { objects, folders };
}
