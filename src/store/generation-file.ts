import {
  currentGeneration,
  hasItsChecksum,
  type PartitionManifest,
  storedGeneration,
  type Withdrawal,
} from '../contracts/index.ts';
import { type DayKey, dayKey, VamoError } from '../core/index.ts';
import { partitionPrefix } from './partition-layout.ts';

/** Where a generation's manifest stands; the day is sealed, or withdrawn, once it is there. */
export function manifestKey(day: DayKey, generation: number): string {
  return `${partitionPrefix(day, generation)}manifest.json`;
}

/**
 * What the manifest at a key says.
 * @throws VamoError STORE_CORRUPT when it was changed, or belongs elsewhere
 */
export function parseGeneration(bytes: Uint8Array, key: string): PartitionManifest | Withdrawal {
  let stored: ReturnType<typeof storedGeneration.parse>;
  try {
    stored = storedGeneration.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new VamoError('STORE_CORRUPT', `${key} is not a partition manifest`, { cause });
  }
  if (!hasItsChecksum(stored))
    throw new VamoError('STORE_CORRUPT', `${key} differs from its checksum: it was changed`);
  const found = currentGeneration(stored);
  const own = manifestKey(dayKey(found.day), found.generation);
  if (own === key) return found;
  throw new VamoError('STORE_CORRUPT', `${key} holds the manifest of ${own}`, {
    details: { key, holds: own },
  });
}
