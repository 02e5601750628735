import { z } from 'zod';
import { jsonBytes, readJson } from '../contracts/index.ts';
import type { BidderStore } from './own-files.ts';

const ID = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** What a bidder says of itself, on every change and every few seconds. */
const bidderAck = z.strictObject({
  schema: z.literal('ack/v1'),
  bidder: z.string().regex(ID),
  pid: z.int(),
  port: z.int(),
  generation: z.int(),
  epoch: z.int(),
  state: z.enum(['idle', 'loading', 'active', 'rejected', 'stopped']),
  activeVersion: z.string().nullable(),
  /** Digest of the active version's manifest file. */
  activeDigest: z.string().nullable(),
  reason: z.string().nullable(),
  loadMs: z.number().nullable(),
  selfTestMaxError: z.number().nullable(),
  /** True while answers are made with another day's temporal table. */
  stale: z.boolean().optional(),
  /** Wall clock, ms; only says whether the bidder is silent. */
  at: z.int(),
});
export type BidderAck = z.infer<typeof bidderAck>;

export function isBidderId(text: string): boolean {
  return ID.test(text);
}

export async function writeAck(store: BidderStore, ack: BidderAck): Promise<void> {
  await store.put(`fleet/${ack.bidder}/ack.json`, jsonBytes(ack));
}

/** All acknowledgements, by bidder id. One that cannot be read is left out (its bidder is silent). */
export async function readAcks(store: Pick<BidderStore, 'get' | 'list'>): Promise<BidderAck[]> {
  const acks: BidderAck[] = [];
  for (const key of await store.list('fleet')) {
    if (!/^fleet\/[^/]+\/ack\.json$/.test(key)) continue;
    const source = { what: key, code: 'STORE_CORRUPT', maxBytes: 65_536 } as const;
    try {
      const ack = readJson(bidderAck, await store.get(key), source);
      if (key === `fleet/${ack.bidder}/ack.json`) acks.push(ack);
    } catch {
      continue;
    }
  }
  return acks.sort((a, b) => (a.bidder < b.bidder ? -1 : 1));
}
