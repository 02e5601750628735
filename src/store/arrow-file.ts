import { open } from 'node:fs/promises';
import { RecordBatchReader } from 'apache-arrow';

/** Magic, padding; at the end the footer's length (4 bytes) and the magic again. */
const HEAD = 8;
const TAIL = 10;
const MAGIC = 'ARROW1';

/**
 * Whether an Arrow IPC file is as long as its footer says: nothing cut off, nothing left out in the
 * middle. For files of writers that do not report what the disk refused.
 */
export async function isWholeArrowFile(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size < HEAD + TAIL) return false;
    const { buffer: tail } = await file.read(Buffer.alloc(TAIL), 0, TAIL, size - TAIL);
    if (tail.toString('latin1', 4) !== MAGIC) return false;
    const footerStart = size - TAIL - tail.readInt32LE(0);
    const reader = await RecordBatchReader.from(file);
    const { footer } = await reader.open();
    const ends = [...(footer?.recordBatches() ?? [])].map(
      (block) => block.offset + block.metaDataLength + block.bodyLength,
    );
    return ends.every((end) => end <= footerStart);
  } catch {
    return false;
  } finally {
    await file.close().catch(() => undefined);
  }
}
