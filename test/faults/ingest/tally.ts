import type { LedgerEntry } from '../../../src/contracts/index.ts';
import type { Row } from '../../helpers/ingest-rows.ts';
import { ABORTED } from './feeder.ts';
import type { TopicRecord } from './oracle.ts';

/** What is wrong with what was stored; all 0 when nothing is. */
export interface Tally {
  readonly records: number;
  readonly rows: number;
  readonly deadLetters: number;
  /** Records of the topic that are stored nowhere. */
  readonly missing: number;
  /** Records stored more than once. */
  readonly duplicate: number;
  /** Rows and dead letters that differ from their record, or have none. */
  readonly wrong: number;
  /** Rows of aborted transactions. */
  readonly aborted: number;
  /** Partitions whose ranges do not tile [0, end). */
  readonly brokenChains: number;
}

type Wire = Readonly<Record<string, unknown>>;

/** The fields of an event that was written rightly; undefined for poison. */
function eventIn(value: string): Wire | undefined {
  try {
    const json = JSON.parse(value) as Wire | null;
    return json?.['kind'] === 'outcome' ? json : undefined;
  } catch {
    return undefined;
  }
}

const MICRO = 1e6;
const NANO = 1e9;

/** Whether a row holds what the record says, field by field. */
function isRowOf(row: Row, event: Wire, arrivalMs: number): boolean {
  const scaled: Record<string, number> = {
    bid: MICRO,
    cost: MICRO,
    competing_1: MICRO,
    competing_2: MICRO,
    competing_3: MICRO,
    pv: NANO,
    pv_sigma: NANO,
  };
  return (
    row['arrival_ms'] === arrivalMs &&
    Object.entries(event).every(([field, value]) => {
      if (field === 'v') return true;
      if (typeof value === 'boolean') return row[field] === (value ? 1 : 0);
      const unit = scaled[field];
      return row[field] === (unit === undefined ? value : Math.round((value as number) * unit));
    })
  );
}

function chainIsBroken(entries: readonly LedgerEntry[], end: number): boolean {
  let next = 0;
  for (const { from, to } of entries) {
    if (Number(from) !== next) return true;
    next = Number(to);
  }
  return next !== end;
}

/** Holds what was stored against what the topic holds. */
export function tally(
  topic: readonly TopicRecord[],
  stored: {
    readonly rows: readonly Row[];
    readonly deadLetters: readonly Row[];
    readonly entries: readonly LedgerEntry[];
    readonly ends: readonly number[];
  },
): Tally {
  const { rows, deadLetters, entries, ends } = stored;
  const records = new Map(topic.map((record) => [record.src, record]));
  const seen = new Map<string, number>();
  const count = (src: string): void => void seen.set(src, (seen.get(src) ?? 0) + 1);
  let wrong = 0;
  for (const row of rows) {
    const record = records.get(String(row['src']));
    const event = record && eventIn(record.value);
    count(String(row['src']));
    if (!event || !isRowOf(row, event, record.arrivalMs)) wrong += 1;
  }
  for (const letter of deadLetters) {
    const { topic: name, partition, offset } = letter;
    const src = `${String(name)}/${String(partition)}/${String(offset)}`;
    const record = records.get(src);
    count(src);
    if (!record || eventIn(record.value) || letter['value'] !== record.value) wrong += 1;
  }
  return {
    records: topic.length,
    rows: rows.length,
    deadLetters: deadLetters.length,
    missing: topic.filter(({ src }) => !seen.has(src)).length,
    duplicate: [...seen.values()].filter((times) => times > 1).length,
    wrong,
    aborted: rows.filter((row) => String(row['event_id']).startsWith(ABORTED)).length,
    brokenChains: ends.filter((end, p) =>
      chainIsBroken(
        entries.filter(({ partition }) => partition === p),
        end,
      ),
    ).length,
  };
}

export const isSound = (t: Tally): boolean =>
  t.missing + t.duplicate + t.wrong + t.aborted + t.brokenChains === 0 && t.rows > 0;
