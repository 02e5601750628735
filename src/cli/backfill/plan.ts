import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import {
  type BackfillMode,
  type BackfillPlan,
  limitOf,
  type PlannedFile,
  type PlannedMapping,
} from '../../contracts/index.ts';
import {
  DAY_MS,
  type DayKey,
  dayStartMs,
  sha256,
  stableJson,
  VamoError,
} from '../../core/index.ts';
import {
  type BackfillState,
  lettersToReplay,
  listBackfills,
  replayersOf,
} from '../../days/index.ts';
import {
  createKafkaSource,
  decompressorOf,
  findFiles,
  kafkaTimeRanges,
  loadMapping,
  uncompressedName,
  unreadable,
} from '../../ingest/index.ts';
import { readLedgers } from '../../store/index.ts';
import type { Context } from '../context.ts';
import { kafkaOptions } from '../source.ts';
import { findObjects, isInBucket } from './bucket-files.ts';

/** What was asked for. */
export interface BackfillRequest {
  readonly from: DayKey;
  readonly to: DayKey;
  readonly mode: BackfillMode;
  readonly source:
    | { readonly kind: 'topic'; readonly topic: string }
    | { readonly kind: 'files'; readonly files: string; readonly mapping: string | null }
    | { readonly kind: 'dead-letters'; readonly mapping: string | null };
}

function readsSame(planned: BackfillPlan['source'], asked: BackfillRequest['source']): boolean {
  if (planned.kind === 'topic') return asked.kind === 'topic' && planned.topic === asked.topic;
  if (planned.kind !== 'dead-letters' || asked.kind !== 'dead-letters') return false;
  return (planned.mapping?.name ?? null) === asked.mapping;
}

type Wanted = Omit<BackfillPlan, 'schema' | 'id' | 'round'>;

/** Terms of a day may be sent on the day before it. */
const LEAD_MS = DAY_MS;

/**
 * The backfill of the same days from the same source that was begun and not finished: it is gone on
 * with as it was planned, though the source may have grown. Changed files are another backfill.
 */
export async function findUnfinished(
  { store }: Context,
  { from, to, mode, source }: BackfillRequest,
): Promise<BackfillState | undefined> {
  if (source.kind === 'files') return undefined;
  const isSame = ({ plan }: BackfillState): boolean =>
    plan.from === from && plan.to === to && plan.mode === mode && readsSame(plan.source, source);
  const states = await listBackfills(store);
  return states.find((state) => !state.isDone && !state.isUndone && isSame(state));
}

/**
 * Everything a backfill will read, found but not read yet.
 * @throws VamoError INGEST_SOURCE, BACKFILL_INVALID when there is nothing to read, MAPPING_INVALID
 */
export async function planBackfill(context: Context, request: BackfillRequest): Promise<Wanted> {
  const { from, to, mode, source } = request;
  const days = { from, to, mode };
  switch (source.kind) {
    case 'topic':
      return { ...days, source: await planTopic(context, request, source.topic) };
    case 'files':
      return { ...days, source: await planFiles(context, source.files, source.mapping) };
    case 'dead-letters':
      return { ...days, source: await planDeadLetters(context, request, source.mapping) };
  }
}

type Planned<K extends BackfillPlan['source']['kind']> = Extract<
  BackfillPlan['source'],
  { readonly kind: K }
>;

async function planTopic(
  { config, log }: Context,
  { from, to }: BackfillRequest,
  topic: string,
): Promise<Planned<'topic'>> {
  const { utcOffsetMinutes, attributionMs } = config.days;
  const address = kafkaOptions({ config }, topic);
  const fromMs = dayStartMs(from, utcOffsetMinutes) - LEAD_MS;
  const untilMs = limitOf({ day: to, ...config.days }) + attributionMs;
  const { id: cluster } = await createKafkaSource({ ...address, log }).identity();
  const ranges = await kafkaTimeRanges(address, fromMs, untilMs);
  for (const [partition, range] of ranges.entries())
    if (range.low > 0 && range.from === range.low)
      log.warn('backfill.deleted', { topic, partition, low: range.low });
  if (ranges.every((range) => range.from === range.to))
    throw new VamoError(
      'BACKFILL_INVALID',
      `${topic} has no record that arrived from ${new Date(fromMs).toISOString()} to ${new Date(untilMs).toISOString()}`,
    );
  const bounds = ranges.map((range) => ({ from: range.from, to: range.to }));
  const isWhole = ranges.every(({ low, to, high }) => to < high || low === high);
  return { kind: 'topic', cluster, topic, ranges: bounds, fromMs, untilMs, isWhole };
}

const FORMS: readonly (readonly [RegExp, PlannedFile['form']])[] = [
  [/\.(arrow|feather|ipc)$/, 'arrow'],
  [/\.parquet$/, 'parquet'],
  [/\.(jsonl|ndjson|json)$/, 'events'],
];
const COLUMNAR = new Set<PlannedFile['form']>(['arrow', 'parquet']);

/** How a file's lines become events, by its name. @throws VamoError BACKFILL_INVALID, INGEST_SOURCE */
function formOf(path: string, mapping: string | null): PlannedFile['form'] {
  const isCompressed = decompressorOf(path) !== undefined;
  const name = uncompressedName(path);
  const form = mapping === null ? FORMS.find(([ending]) => ending.test(name))?.[1] : 'mapping';
  if (form === undefined)
    throw new VamoError('BACKFILL_INVALID', `${path}: nothing says how its lines become events`, {
      mend: 'Name a mapping with --mapping; .jsonl, .arrow and .parquet need none.',
    });
  if (isCompressed && COLUMNAR.has(form))
    throw new VamoError('BACKFILL_INVALID', `${path}: ${form} is read as it is, not compressed`, {
      mend: 'Decompress it first; what is compressed inside of it needs nothing.',
    });
  return form;
}

async function planFiles(
  context: Context,
  glob: string,
  mapping: string | null,
): Promise<Planned<'files'>> {
  const files: PlannedFile[] = [];
  const found: Found[] = isInBucket(glob)
    ? await findObjects(context, glob)
    : await findLocal(glob);
  for (const one of found) {
    const form = formOf(one.path, mapping);
    const file = one.etag !== undefined ? one : { ...one, sha256: await fileDigest(one.path) };
    // One file under two names is one file.
    if (!files.some((known) => contents(known) === contents(file))) files.push({ ...file, form });
  }
  return { kind: 'files', files, mapping: mapping === null ? null : await planMapping(mapping) };
}

/** @throws VamoError MAPPING_INVALID */
async function planMapping(name: string): Promise<PlannedMapping> {
  return { name, sha256: sha256(stableJson(await loadMapping(name))) };
}

type Found = Omit<PlannedFile, 'form'>;

async function findLocal(glob: string): Promise<Found[]> {
  const found = await findFiles(glob);
  return Promise.all(found.map(async (path) => ({ path, bytes: (await stat(path)).size })));
}

/** Equal of equal files. */
const contents = ({ bytes, sha256, etag }: Found): string =>
  sha256 ?? `${etag ?? ''} ${String(bytes)}`;

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return hash.digest('hex');
}

type Days = Pick<BackfillRequest, 'from' | 'to'>;
type Letters = Planned<'dead-letters'>['files'];

/** Every file with dead letters that arrived on these days. */
async function letterFiles({ store }: Context, { from, to }: Days): Promise<Letters> {
  const files: Letters = [];
  for (const { deadLetters } of await readLedgers(store)) {
    if (deadLetters === null) continue;
    const { key, rows, byDay, sha256: digest } = deadLetters;
    if (Object.keys(byDay).some((day) => day >= from && day <= to))
      files.push({ key, sha256: digest, rows, byDay });
  }
  return files;
}

/** The backfills that replayed all that a replay of dead letters would; none when there is something to do. */
export async function findReplayers(context: Context, request: BackfillRequest): Promise<string[]> {
  if (request.source.kind !== 'dead-letters') return [];
  const { from, to } = request;
  const files = await letterFiles(context, request);
  return replayersOf({ from, to, files }, await listBackfills(context.store));
}

async function planDeadLetters(
  context: Context,
  { from, to }: Days,
  mapping: string | null,
): Promise<Planned<'dead-letters'>> {
  const files = await letterFiles(context, { from, to });
  if (files.length === 0)
    throw new VamoError(
      'BACKFILL_INVALID',
      `no dead letter of the source arrived from ${from} to ${to}`,
      {
        mend: 'Correct the days; `vamo days` shows them. Those of a backfill are not replayed: undo it, correct what decodes them, and run its command again.',
      },
    );
  const backfills = await listBackfills(context.store);
  return {
    kind: 'dead-letters',
    files: lettersToReplay({ from, to, files }, backfills),
    ...(mapping !== null && { mapping: await planMapping(mapping) }),
  };
}

/** How much a plan reads, for people and for --json; `progress` is what its reading is counted in. */
export function describeSource({ source }: Pick<BackfillPlan, 'source'>) {
  const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  switch (source.kind) {
    case 'topic': {
      const { topic, ranges } = source;
      const records = total(ranges.map((range) => range.to - range.from));
      return {
        what: `topic ${topic}`,
        partitions: ranges.length,
        expected: records,
        unit: 'records',
        parts: 'partitions',
        progress: 'offsets',
      };
    }
    case 'files': {
      const { files } = source;
      const bytes = total(files.map((file) => file.bytes));
      return {
        what: 'files',
        partitions: files.length,
        expected: bytes,
        unit: 'bytes',
        parts: 'files',
        progress: 'bytes',
      };
    }
    case 'dead-letters': {
      const { files } = source;
      const letters = total(files.map((file) => file.rows));
      return {
        what: 'dead letters',
        partitions: files.length,
        expected: letters,
        unit: 'records',
        parts: 'files',
        progress: 'bytes',
      };
    }
  }
}
