import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { VamoError } from '../core/index.ts';
import { openDirectoryStore } from '../store/index.ts';

/** Where a log of events lies: one file a partition, `TOPIC-P.jsonl`. */
export interface LogOptions {
  readonly directory: string;
  readonly topic: string;
  readonly partitions: number;
}

const IDENTITY = 'log.json';
const logIdentity = z.looseObject({ id: z.string().min(1) });

export interface LogDirectory {
  /** Names this log for good; made on first use. */
  readonly id: string;
  path(partition: number): string;
}

export async function openLogDirectory(options: LogOptions): Promise<LogDirectory> {
  const { directory, topic } = options;
  const store = await openDirectoryStore(directory);
  if (!(await store.has(IDENTITY)))
    await store.putIfAbsent(IDENTITY, Buffer.from(`${JSON.stringify({ id: randomUUID() })}\n`));
  const text = Buffer.from(await store.get(IDENTITY)).toString();
  try {
    const { id } = logIdentity.parse(JSON.parse(text));
    return { id, path: (partition) => store.localPath(`${topic}-${partition}.jsonl`) };
  } catch (error) {
    throw new VamoError('INGEST_SOURCE', `${directory}/${IDENTITY} does not name a log`, {
      cause: error,
    });
  }
}
