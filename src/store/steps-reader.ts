import { closeSync, openSync, readSync } from 'node:fs';
import {
  type CampaignSteps,
  emptyStepColumns,
  type PartitionManifest,
  STEP_COLUMNS,
  STEP_ROWS,
  type StepColumn,
} from '../contracts/index.ts';
import { dayKey, type DayKey, VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { openColumns } from './partition-columns.ts';
import { readPartitionFile } from './partition-read.ts';
import { storeError } from './store-error.ts';

/** A sealed day's step sums on disk: any campaign can be read alone, the file is never held. */
export interface StepsFile {
  readonly day: DayKey;
  readonly campaigns: readonly Pick<CampaignSteps, 'campaignId' | 'advertiserId' | 'task'>[];
  /** @throws VamoError STORE_CORRUPT when a value is outside +-2^53 and would lose digits */
  read(campaign: number): CampaignSteps;
  close(): void;
}

/** Where rows of a column lie in the file: `rows` values of 8 bytes from `position` on. */
interface Run {
  readonly from: number;
  readonly rows: number;
  readonly position: number;
}

const BYTES = 8;

/**
 * Opens a sealed day's `steps.arrow` for reading campaign by campaign. The file is read once to verify
 * it against the manifest and to find where its uncompressed columns lie; later reads are positioned
 * reads of a few hundred bytes, which the operating system serves from its page cache as it would
 * serve a memory map. Memory does not grow with the size of the day.
 * @throws VamoError STORE_CORRUPT when it is gone, cut short, changed, or compressed
 */
export async function openStepsFile(
  store: ObjectStore,
  manifest: PartitionManifest,
): Promise<StepsFile> {
  const { campaigns, runs } = indexOf(
    await readPartitionFile(store, manifest, 'steps'),
    `steps of ${manifest.day}`,
  );
  const key = manifest.files.find(({ role }) => role === 'steps')?.key ?? '';
  const file = open(await store.localFile(key));
  return {
    day: dayKey(manifest.day),
    campaigns,
    read(campaign) {
      const own = campaigns[campaign];
      if (!own) throw new RangeError(`campaign ${campaign} of ${campaigns.length}`);
      const columns = emptyStepColumns();
      for (const name of STEP_COLUMNS)
        readRows(file, runs.get(name) ?? [], campaign * STEP_ROWS, columns[name]);
      return { ...own, columns };
    },
    close: () => closeSync(file),
  };
}

/** Whose rows the file holds and where. A function of its own, so that nothing keeps the bytes. */
function indexOf(
  bytes: Uint8Array,
  label: string,
): { readonly campaigns: StepsFile['campaigns']; readonly runs: ReadonlyMap<StepColumn, Run[]> } {
  const table = openColumns(bytes, label);
  if (table.rows % STEP_ROWS !== 0)
    throw new VamoError('STORE_CORRUPT', `${label}: ${table.rows} rows, not ${STEP_ROWS} each`);
  const firstRows = (name: string): string[] =>
    table.texts(name).filter((_, row) => row % STEP_ROWS === 0);
  const [ids, advertisers, tasks] = ['campaign_id', 'advertiser_id', 'task'].map(firstRows);
  const runs = new Map<StepColumn, Run[]>();
  for (const name of STEP_COLUMNS)
    runs.set(name, runsOf(table.chunks(name, 'int64'), bytes, `${label}: column ${name}`));
  const campaigns = (ids ?? []).map((campaignId, i) => ({
    campaignId,
    advertiserId: advertisers?.[i] ?? '',
    task: tasks?.[i] ?? '',
  }));
  return { campaigns, runs };
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw storeError(error, `cannot open ${path}`);
  }
}

function runsOf(
  chunks: readonly { readonly rows: number; readonly bytes: Uint8Array }[],
  file: Uint8Array,
  label: string,
): Run[] {
  let from = 0;
  return chunks.map(({ rows, bytes }) => {
    if (bytes.buffer !== file.buffer)
      throw new VamoError('STORE_CORRUPT', `${label} is compressed; sealed days are not`);
    const run = { from, rows, position: bytes.byteOffset - file.byteOffset };
    from += rows;
    return run;
  });
}

/** Fills `into` with the column's values from row `first` on, run by run. */
function readRows(file: number, runs: readonly Run[], first: number, into: Float64Array): void {
  for (const { from, rows, position } of runs) {
    const start = Math.max(first, from);
    const end = Math.min(first + into.length, from + rows);
    if (start >= end) continue;
    const buffer = Buffer.allocUnsafe((end - start) * BYTES);
    const read = readSync(file, buffer, 0, buffer.length, position + (start - from) * BYTES);
    if (read !== buffer.length)
      throw new VamoError('STORE_CORRUPT', 'a sealed file became shorter while it was read');
    for (let i = 0; i < end - start; i++) {
      const high = buffer.readInt32LE(i * BYTES + 4);
      const value = high * 4294967296 + buffer.readUInt32LE(i * BYTES);
      if (!Number.isSafeInteger(value))
        throw new VamoError('STORE_CORRUPT', 'a sealed step sum is beyond 2^53');
      into[start - first + i] = value;
    }
  }
}
