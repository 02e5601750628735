import { EVENT_COLUMNS } from '../../src/contracts/index.ts';
import { sha256 } from '../../src/core/index.ts';
import {
  committedOfDay,
  type ObjectStore,
  openColumns,
  readLedgers,
  readVerified,
} from '../../src/store/index.ts';

export type Row = Record<string, string | number>;

/** Every committed row by day, read back from the verified segments; provenance included. */
export async function committedRows(store: ObjectStore): Promise<Map<string, Row[]>> {
  const entries = await readLedgers(store);
  const days = new Set(entries.flatMap((entry) => entry.segments.map((s) => s.day)));
  const rows = new Map<string, Row[]>();
  for (const day of [...days].sort()) {
    const ofDay: Row[] = [];
    for (const segment of (await committedOfDay(store, day, entries)).segments) {
      const table = openColumns(await readVerified(store, segment), segment.key);
      const columns = Object.entries(EVENT_COLUMNS).map(([name, type]) => ({
        name,
        values: type === 'text' ? table.texts(name) : table.integers(name),
      }));
      const topics = table.texts('src_topic');
      const partitions = table.integers('src_partition');
      const offsets = table.integers('src_offset');
      for (let i = 0; i < table.rows; i++) {
        const row: Row = {};
        for (const { name, values } of columns) row[name] = values[i]!;
        ofDay.push({ ...row, src: `${topics[i]}/${partitions[i]}/${offsets[i]}` });
      }
    }
    rows.set(day, ofDay);
  }
  return rows;
}

/** A digest of a day's rows that order and provenance do not change. */
export function rowsDigest(rows: readonly Row[]): string {
  const lines = rows.map(({ src: _src, ...payload }) => JSON.stringify(payload)).sort();
  return sha256(lines.join('\n'));
}

/** All bad records in the committed dead-letter files. */
export async function committedDeadLetters(store: ObjectStore): Promise<Row[]> {
  const letters: Row[] = [];
  for (const { deadLetters } of await readLedgers(store)) {
    if (deadLetters === null) continue;
    const text = Buffer.from(await readVerified(store, deadLetters)).toString();
    for (const line of text.trimEnd().split('\n')) letters.push(JSON.parse(line) as Row);
  }
  return letters;
}
