import { isVamoError, VamoError } from '../core/index.ts';
import {
  acceptRecord,
  initialTrust,
  type TrustedKeys,
  type VerifiedRecord,
  verifyRecord,
} from './release.ts';

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

/** A file in the log that nobody may act on, and why. */
export interface RefusedRecord extends ReleasePlace {
  readonly code: 'RELEASE_SIGNATURE' | 'RELEASE_REFUSED';
  readonly reason: string;
}

/** A channel's log as it must be believed. */
export interface ReleaseLog {
  /** Oldest first; the last one is what the fleet should run. */
  readonly records: readonly VerifiedRecord[];
  readonly refused: readonly RefusedRecord[];
}

/**
 * Reads a whole log by the rules of a bidder that follows it from its first record: believed is what
 * `acceptRecord` takes. A file that is not signed, lies in another's place or contradicts the record
 * before it is reported and passed over; it never hides the records below or above it. A record
 * above a damaged one is believed although its `prev` cannot be followed: the damage speaks against
 * the damaged file, and a bidder that was away takes that record as well.
 */
export async function readReleaseLog(
  reader: ObjectReader,
  channel: string,
  trusted: TrustedKeys,
): Promise<ReleaseLog> {
  const records: VerifiedRecord[] = [];
  const refused: RefusedRecord[] = [];
  let state = initialTrust(channel);
  for (const place of await listReleases(reader, channel))
    try {
      const verified = await readRelease(reader, place, channel, trusted);
      state = acceptRecord(state, verified);
      records.push(verified);
    } catch (error) {
      if (!isVamoError(error)) throw error;
      const { code, message: reason } = error;
      if (code !== 'RELEASE_SIGNATURE' && code !== 'RELEASE_REFUSED') throw error;
      refused.push({ ...place, code, reason });
    }
  return { records, refused };
}
