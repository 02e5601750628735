import type { LedgerEntry } from '../contracts/index.ts';
import { type DayKey, dayOf } from '../core/index.ts';
import { backfillsHeld, listBackfills, storeOfBackfill } from '../days/index.ts';
import { withoutValues } from '../ingest/index.ts';
import { committedOfDay, type ObjectStore, readLedgers, readVerified } from '../store/index.ts';

/** Bad records of a day that are bad for one reason. */
export interface BadRecords {
  /** Of the first of them; the others' differ in the values they name. */
  readonly reason: string;
  records: number;
  /** Those of them that a replay could read: rows now. */
  replayed: number;
  /** TOPIC/PARTITION/OFFSET of the first. */
  readonly first: string;
  /** The dead-letter file that holds it. */
  readonly file: string;
}

/** A line of a dead-letter file, as `createRangeBuffer` writes it. */
interface Letter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly arrival_ms: number;
  readonly reason: string;
}

interface ReadLetter extends Letter {
  /** The file, by its key in the data directory. */
  readonly file: string;
  /** Byte of the file at which its line begins: its offset for who replays it. */
  readonly at: number;
}

/** Ledgers, and where in the data directory what they name lies. */
interface Ledgers {
  readonly prefix: string;
  readonly entries: readonly LedgerEntry[];
}

interface Asked {
  readonly store: ObjectStore;
  readonly day: DayKey;
  readonly utcOffsetMinutes: number;
}

async function* lettersOf(
  { store, day, utcOffsetMinutes }: Asked,
  { prefix, entries }: Ledgers,
): AsyncGenerator<ReadLetter> {
  for (const { key, sha256 } of (await committedOfDay(store, day, entries)).deadLetters) {
    const file = `${prefix}${key}`;
    let at = 0;
    const text = Buffer.from(await readVerified(store, { key: file, sha256 })).toString();
    for (const line of text.trimEnd().split('\n')) {
      // Written by this program, and held against its digest.
      const letter = JSON.parse(line) as Letter;
      if (dayOf(letter.arrival_ms, utcOffsetMinutes) === day) yield { ...letter, file, at };
      at += Buffer.byteLength(line) + 1;
    }
  }
}

async function ledgersOf(store: ObjectStore, id: string): Promise<Ledgers> {
  return { prefix: `backfill/${id}/`, entries: await readLedgers(storeOfBackfill(store, id)) };
}

/** Tells of a letter whether a replay that counts could read it. */
async function findReplayed(asked: Asked): Promise<(letter: ReadLetter) => boolean> {
  const replays: { readonly read: ReadonlySet<string>; readonly left: ReadonlySet<string> }[] = [];
  for (const { plan, isDone, isUndone } of await listBackfills(asked.store)) {
    const { id, from, to, source } = plan;
    const isForDay = asked.day >= from && asked.day <= to;
    if (source.kind !== 'dead-letters' || !isDone || isUndone || !isForDay) continue;
    const left = new Set<string>();
    // The files of a replay are its partitions, and bytes of them its offsets.
    for await (const letter of lettersOf(asked, await ledgersOf(asked.store, id)))
      left.add(`${source.files[letter.partition]?.key ?? ''} ${String(letter.offset)}`);
    replays.push({ read: new Set(source.files.map(({ key }) => key)), left });
  }
  return ({ file, at }) =>
    replays.some(({ read, left }) => read.has(file) && !left.has(`${file} ${String(at)}`));
}

/** Ledgers whose dead letters count on a day. A replay's were there before it. */
async function counted({ store, day }: Asked, live: readonly LedgerEntry[]): Promise<Ledgers[]> {
  const held = await backfillsHeld(store, day);
  const found: Ledgers[] = [{ prefix: '', entries: live }];
  for (const { plan } of await listBackfills(store))
    if (held.includes(plan.id) && plan.source.kind !== 'dead-letters')
      found.push(await ledgersOf(store, plan.id));
  return found;
}

/**
 * The bad records of a day, by reason, the most frequent first: those of the source that arrived on it,
 * and those of the backfills that its newest generation holds.
 * @param asked the day, with the ledgers of the source
 * @throws VamoError STORE_CORRUPT, INGEST_LEDGER
 */
export async function badRecordsOf(
  asked: Asked & { readonly entries: readonly LedgerEntry[] },
): Promise<BadRecords[]> {
  const isReplayed = await findReplayed(asked);
  const reasons = new Map<string, BadRecords>();
  for (const ledgers of await counted(asked, asked.entries))
    for await (const letter of lettersOf(asked, ledgers)) {
      const { topic, partition, offset, reason, file } = letter;
      const first = `${topic}/${String(partition)}/${String(offset)}`;
      const kind = withoutValues(reason);
      const known = reasons.get(kind) ?? { reason, records: 0, replayed: 0, first, file };
      known.records += 1;
      if (isReplayed(letter)) known.replayed += 1;
      reasons.set(kind, known);
    }
  return [...reasons.values()].sort((a, b) => b.records - a.records);
}
