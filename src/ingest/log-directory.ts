import { randomUUID } from 'node:crypto';
import { access, readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { systemCode, VamoError } from '../core/index.ts';
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
  /** Names this log for good. */
  readonly id: string;
  path(partition: number): string;
}

const pathIn =
  ({ directory, topic }: LogOptions) =>
  (partition: number): string =>
    join(resolve(directory), `${topic}-${partition}.jsonl`);

/** A log to append to: made, with an identity, on first use. @throws VamoError STORE_IO, STORE_FULL */
export async function makeLogDirectory(options: LogOptions): Promise<LogDirectory> {
  const store = await openDirectoryStore(options.directory);
  if (!(await store.has(IDENTITY)))
    await store.putIfAbsent(IDENTITY, Buffer.from(`${JSON.stringify({ id: randomUUID() })}\n`));
  return { id: await identityOf(options.directory), path: pathIn(options) };
}

/**
 * A log to read, as somebody else left it: nothing is written there. A log that has no identity of
 * its own is known by its path.
 * @throws VamoError INGEST_SOURCE when the directory or every file of the topic is missing
 */
export async function findLogDirectory(options: LogOptions): Promise<LogDirectory> {
  const { directory, topic, partitions } = options;
  const path = pathIn(options);
  const there = await Promise.all(
    Array.from({ length: partitions }, (_, p) =>
      access(path(p)).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (!there.includes(true))
    throw new VamoError(
      'INGEST_SOURCE',
      `source.directory: ${resolve(directory)}; holds none of ${topic}-0.jsonl to ${topic}-${partitions - 1}.jsonl`,
      { mend: 'Correct `source.directory`, `source.topic` or `source.partitions`.' },
    );
  return { id: await identityOf(directory), path };
}

async function identityOf(directory: string): Promise<string> {
  const file = join(directory, IDENTITY);
  try {
    return logIdentity.parse(JSON.parse(await readFile(file, 'utf8'))).id;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return `path:${await realpath(directory)}`;
    throw new VamoError('INGEST_SOURCE', `${file} does not name a log`, { cause });
  }
}
