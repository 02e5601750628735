import { randomUUID } from 'node:crypto';
import type { LedgerEntry } from '../contracts/index.ts';
import { sleep } from '../core/index.ts';
import { type Ledger, storeError } from '../store/index.ts';
import type { PartitionContext } from './partition-context.ts';
import type { RangeBuffer } from './range-buffer.ts';

const LONGEST_WAIT_MS = 30_000;

/** Waits before the next try, ever longer; not once the run is to end. */
export const pause = (tries: number, signal: AbortSignal): Promise<void> =>
  sleep(Math.min(LONGEST_WAIT_MS, 250 * 2 ** tries), signal).catch(() => undefined);

/** Makes ranges of one partition durable: their files first, then the entry that names them. */
export interface RangeWriter {
  /**
   * A full disk or a store that does not answer is waited for, where the context says so.
   * @param isOurs whether the partition is still this reader's: what is another's is his to commit
   * @returns undefined when another's entry stands in its place, or its files had become too old
   * @throws VamoError what the store fails with
   */
  write(range: RangeBuffer, to: number, isOurs: () => boolean): Promise<LedgerEntry | undefined>;
  /** An entry that says that what follows up to `to` was lost. @returns undefined as `write` does */
  writeGap(range: RangeBuffer, to: number): Promise<LedgerEntry | undefined>;
}

const newNonce = (): string => randomUUID().slice(0, 8);

export function createRangeWriter(
  context: PartitionContext,
  partition: number,
  ledger: Pick<Ledger, 'commit'>,
): RangeWriter {
  const { topic, store, clock } = context;

  /** The same nonce again replaces, and knows, its own. */
  async function writeOnce(
    range: RangeBuffer,
    to: number,
    { nonce, beganMs }: { readonly nonce: string; readonly beganMs: number },
  ): Promise<LedgerEntry | undefined> {
    await context.beforeCommit?.();
    await context.faultPoint?.('flushing', partition, range.records);
    const entry = await range.write(store, to, nonce);
    await context.faultPoint?.('filed', partition, range.records);
    // So long after the first try its files may be collected before the entry names them.
    const isStale = clock() - beganMs > (context.orphanGraceMs ?? Infinity) / 2;
    return isStale || (await ledger.commit(entry)) === 'lost' ? undefined : entry;
  }

  return {
    async write(range, to, isOurs) {
      const first = { nonce: newNonce(), beganMs: clock() };
      for (let tries = 0; ; tries++)
        try {
          return await context.flushGate(() => writeOnce(range, to, first));
        } catch (error) {
          const failed = storeError(error, `cannot commit ${topic}/${partition}`);
          if (!isOurs()) return undefined;
          if (!failed.retriable || !context.waitsForStore || context.signal.aborted) throw failed;
          context.log.error('ingest.store', { topic, partition, tries, reason: failed.message });
          await pause(tries, context.signal);
        }
    },
    async writeGap(range, to) {
      await context.beforeCommit?.();
      const entry = { ...(await range.write(store, to, newNonce())), gap: true as const };
      return (await ledger.commit(entry)) === 'lost' ? undefined : entry;
    },
  };
}
