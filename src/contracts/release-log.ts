import { isVamoError, VamoError } from '../core/index.ts';
import { type TrustedKeys, type VerifiedRecord, verifyRecord } from './release.ts';

/** The reading side of an object store; what verification needs of it. */
export interface ObjectReader {
  get(key: string): Promise<Uint8Array>;
  list(prefix: string): Promise<string[]>;
}

/** Where a record stands in its channel's log. */
export interface ReleasePlace {
  readonly key: string;
  readonly generation: number;
  readonly epoch: number;
}

/** `releases/<channel>/<generation>/<epoch, 20 digits>.json`: byte order is the order of epochs. */
export function releaseKey(channel: string, generation: number, epoch: number): string {
  return `releases/${channel}/${generation}/${String(epoch).padStart(20, '0')}.json`;
}

/** The places of a channel's records, oldest first. Other files in the folder are left out. */
export async function listReleases(reader: ObjectReader, channel: string): Promise<ReleasePlace[]> {
  const places: ReleasePlace[] = [];
  for (const key of await reader.list(`releases/${channel}`)) {
    const match = /\/([1-9]\d{0,8})\/(\d{20})\.json$/.exec(key);
    const place = { key, generation: Number(match?.[1]), epoch: Number(match?.[2]) };
    if (match && releaseKey(channel, place.generation, place.epoch) === key) places.push(place);
  }
  return places.sort((a, b) => a.generation - b.generation || a.epoch - b.epoch);
}

/**
 * Reads and verifies the record at a place.
 * @throws VamoError RELEASE_SIGNATURE; RELEASE_REFUSED when the record belongs to another place (a copy).
 */
export async function readRelease(
  reader: ObjectReader,
  place: ReleasePlace,
  channel: string,
  trusted: TrustedKeys,
): Promise<VerifiedRecord> {
  const verified = verifyRecord(await reader.get(place.key), trusted);
  const { record } = verified;
  const own = releaseKey(record.channel, record.generation, record.epoch);
  if (own !== place.key)
    throw new VamoError(
      'RELEASE_REFUSED',
      `epoch ${place.epoch} of channel "${channel}" holds a copy of ${own}`,
      { details: { key: place.key, found: own } },
    );
  return verified;
}

/** The newest record with a trusted signature and in its own place; null when there is none. */
export async function newestRelease(
  reader: ObjectReader,
  channel: string,
  trusted: TrustedKeys,
): Promise<VerifiedRecord | null> {
  for (const place of (await listReleases(reader, channel)).reverse())
    try {
      return await readRelease(reader, place, channel, trusted);
    } catch (error) {
      if (!isVamoError(error, 'RELEASE_SIGNATURE') && !isVamoError(error, 'RELEASE_REFUSED'))
        throw error;
    }
  return null;
}
