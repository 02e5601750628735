import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { convertToEvents, openEmbedded } from '../../clickhouse/index.ts';
import type { BackfillPlan, PlannedFile, PlannedMapping } from '../../contracts/index.ts';
import { isVamoError, sha256, stableJson, VamoError } from '../../core/index.ts';
import {
  boundedSource,
  compileMapping,
  createJsonDecoder,
  createKafkaSource,
  createRawFileSource,
  type EventSource,
  jsonLines,
  loadMapping,
  type RecordDecoder,
} from '../../ingest/index.ts';
import { verifiedFile } from '../../store/index.ts';
import type { Context } from '../context.ts';
import { kafkaOptions } from '../source.ts';
import { decoderOptions, openDecoder } from '../decoder.ts';
import { createFetcher } from './bucket-files.ts';
import { letterDecoder } from './letter-decoder.ts';
import { openWorkFolder, type WorkFolder } from './work-folder.ts';

/** A planned source, ready to be read. */
export interface PlannedSource {
  readonly source: EventSource;
  readonly decoder: RecordDecoder;
  /** What was made for reading is removed; call it when all has been read. */
  forget(): Promise<void>;
}

/**
 * Opens what was planned, as it was planned.
 * @throws VamoError BACKFILL_INVALID when a mapping or the cluster is not the planned one; INGEST_SOURCE,
 *   STORE_CORRUPT, SQL_FAILED
 */
export async function openPlanned(context: Context, plan: BackfillPlan): Promise<PlannedSource> {
  const { source } = plan;
  switch (source.kind) {
    case 'topic':
      return openTopic(context, plan.id, source);
    case 'files':
      return openFiles(context, source, plan.id);
    case 'dead-letters': {
      const paths: string[] = [];
      for (const file of source.files) paths.push((await verifiedFile(context.store, file)).path);
      return {
        source: jsonLines(createRawFileSource({ files: paths, topic: 'dead-letters' })),
        decoder: letterDecoder(
          await (source.mapping
            ? openMapping(context, source.mapping, plan.id)
            : openDecoder(context)),
          plan,
          context.config.days.utcOffsetMinutes,
        ),
        forget: () => Promise.resolve(),
      };
    }
  }
}

type SourceOf<K extends BackfillPlan['source']['kind']> = Extract<
  BackfillPlan['source'],
  { readonly kind: K }
>;

async function openTopic(
  context: Context,
  id: string,
  { topic, ranges, cluster }: SourceOf<'topic'>,
): Promise<PlannedSource> {
  const address = kafkaOptions(context, topic);
  // A group of this process alone: it disturbs no ingester, waits for no member that was killed, and
  // is gone with it, for it keeps no offsets.
  const groupId = `${address.groupId}-backfill-${id}-${randomUUID().slice(0, 8)}`;
  const whole = createKafkaSource({ ...address, groupId, log: context.log });
  const found = await whole.identity();
  if (found.id !== cluster)
    throw new VamoError(
      'BACKFILL_INVALID',
      `backfill ${id} was planned on cluster ${cluster}; the brokers are now of ${found.id}`,
    );
  return {
    source: boundedSource(whole, ranges),
    decoder: await openDecoder(context),
    forget: () => Promise.resolve(),
  };
}

async function openFiles(
  context: Context,
  { files, mapping }: SourceOf<'files'>,
  id: string,
): Promise<PlannedSource> {
  const decoder =
    mapping === null
      ? createJsonDecoder(decoderOptions(context))
      : await openMapping(context, mapping, id);
  let made: Promise<WorkFolder> | undefined;
  const work = async (): Promise<string> =>
    (await (made ??= openWorkFolder(join(context.root, 'work', 'backfill')))).path;
  const forget = async (): Promise<void> => (await made)?.remove();
  try {
    const paths = await filesAtHand(context, files, work);
    const lines = createRawFileSource({ files: paths, topic: 'files' });
    return { source: mapping === null ? jsonLines(lines) : lines, decoder, forget };
  } catch (error) {
    await forget();
    throw error;
  }
}

/** @throws VamoError BACKFILL_INVALID when it is not the planned one */
async function openMapping(
  context: Context,
  mapping: PlannedMapping,
  id: string,
): Promise<RecordDecoder> {
  const spec = await loadMapping(mapping.name);
  if (sha256(stableJson(spec)) !== mapping.sha256)
    throw new VamoError(
      'BACKFILL_INVALID',
      `${mapping.name} is not the mapping that backfill ${id} was planned with`,
      { mend: `Restore it; or take what was begun back: \`vamo backfill --undo ${id}\`.` },
    );
  return compileMapping(spec, decoderOptions(context));
}

/** The files as text on this host: objects are fetched, columnar files are turned into lines. */
async function filesAtHand(
  context: Context,
  files: readonly PlannedFile[],
  work: () => Promise<string>,
): Promise<string[]> {
  const fetched = createFetcher(context, work);
  const paths: string[] = [];
  const converter = createConverter(context, work);
  try {
    for (const [index, file] of files.entries()) {
      const path = await fetched(file, index);
      if (file.form !== 'arrow' && file.form !== 'parquet') {
        paths.push(path);
        continue;
      }
      paths.push(await converter.lines(file, path, index));
      if (path !== file.path) await rm(path);
    }
    return paths;
  } finally {
    await converter.close();
  }
}

/** Columnar files are turned into lines by the engine, in the file's order: the same lines each time. */
function createConverter({ config }: Context, work: () => Promise<string>) {
  let engine: ReturnType<typeof openEmbedded> | undefined;
  return {
    async lines({ path, form }: PlannedFile, from: string, index: number): Promise<string> {
      const folder = await work();
      const to = join(folder, `${String(index)}.jsonl`);
      const format = form === 'arrow' ? 'Arrow' : 'Parquet';
      const { utcOffsetMinutes } = config.days;
      const sql = convertToEvents({ from, format, to, utcOffsetMinutes });
      const opened = await (engine ??= openEmbedded(join(folder, 'engine')));
      await opened.command(sql).catch((cause: unknown) => {
        if (!isVamoError(cause, 'SQL_FAILED')) throw cause;
        throw new VamoError('INGEST_SOURCE', `cannot read ${path} as ${format}: ${cause.message}`, {
          mend: 'Check the file; its columns are those of a sealed events.arrow.',
          cause,
        });
      });
      return to;
    },
    async close(): Promise<void> {
      await (await engine)?.close();
    },
  };
}
