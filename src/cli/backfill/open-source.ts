import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { convertToEvents, openEmbedded } from '../../clickhouse/index.ts';
import type { BackfillPlan, PlannedFile } from '../../contracts/index.ts';
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
      return openFiles(context, plan.id, source);
    case 'dead-letters': {
      const paths: string[] = [];
      for (const file of source.files) paths.push((await verifiedFile(context.store, file)).path);
      return {
        source: jsonLines(createRawFileSource({ files: paths, topic: 'dead-letters' })),
        decoder: await openDecoder(context),
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
  id: string,
  { files, mapping }: SourceOf<'files'>,
): Promise<PlannedSource> {
  const work = join(context.root, 'work', 'backfill', id);
  const topic = 'files';
  if (mapping !== null) {
    const spec = await loadMapping(mapping.name);
    if (sha256(stableJson(spec)) !== mapping.sha256)
      throw new VamoError('BACKFILL_INVALID', `${mapping.name} is not the mapping planned with`);
    const paths = files.map(({ path }) => path);
    return {
      source: createRawFileSource({ files: paths, topic }),
      decoder: compileMapping(spec, decoderOptions(context)),
      forget: () => Promise.resolve(),
    };
  }
  const paths = await asLines(files, work, context.config.days.utcOffsetMinutes);
  return {
    source: jsonLines(createRawFileSource({ files: paths, topic })),
    decoder: createJsonDecoder(decoderOptions(context)),
    forget: () => rm(work, { recursive: true, force: true }),
  };
}

/** Columnar files are turned into lines by the engine, in the file's order: the same lines each time. */
async function asLines(
  files: readonly PlannedFile[],
  work: string,
  utcOffsetMinutes: number,
): Promise<string[]> {
  if (files.every(({ form }) => form === 'events')) return files.map(({ path }) => path);
  await mkdir(work, { recursive: true });
  const engine = await openEmbedded(join(work, 'engine'));
  try {
    const paths: string[] = [];
    for (const { path, form, sha256: digest } of files) {
      if (form !== 'arrow' && form !== 'parquet') {
        paths.push(path);
        continue;
      }
      const to = join(work, `${digest}.jsonl`);
      const format = form === 'arrow' ? 'Arrow' : 'Parquet';
      const sql = convertToEvents({ from: path, format, to, utcOffsetMinutes });
      await engine.command(sql).catch((cause: unknown) => {
        if (!isVamoError(cause, 'SQL_FAILED')) throw cause;
        throw new VamoError('INGEST_SOURCE', `cannot read ${path} as ${format}: ${cause.message}`, {
          mend: 'Check the file; its columns are those of a sealed events.arrow.',
          cause,
        });
      });
      paths.push(to);
    }
    return paths;
  } finally {
    await engine.close();
  }
}
