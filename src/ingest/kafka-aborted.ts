import type { PlacedRecord } from './kafka-records.ts';

/** A transaction that came to nothing: its producer's records from there to its abort marker. */
export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

const isAbortMarker = ({ isControlRecord, bytes, keyStart, keyEnd }: PlacedRecord): boolean =>
  isControlRecord && keyEnd - keyStart >= 4 && bytes.readInt16BE(keyStart + 2) === 0;

/**
 * The records readers of committed transactions are to see. Any number of aborted transactions may
 * have begun before the first record.
 */
export function committedOnly(
  records: readonly PlacedRecord[],
  aborted: readonly AbortedTransaction[],
): PlacedRecord[] {
  const coming = aborted
    .map(({ producerId, firstOffset }) => ({ producerId, from: Number(firstOffset) }))
    .sort((a, b) => a.from - b.from);
  const open = new Set<string>();
  let next = 0;
  return records.filter((record) => {
    for (let begun = coming[next]; begun && begun.from <= record.position; begun = coming[++next])
      open.add(begun.producerId);
    const { producerId, inTransaction, isControlBatch } = record.batchContext;
    if (!isControlBatch) return !inTransaction || !open.has(producerId);
    if (isAbortMarker(record)) open.delete(producerId);
    return false;
  });
}
