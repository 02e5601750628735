import {
  readReleaseLog,
  type RefusedRecord,
  type ReleasedVersion,
  type TrustedKeys,
} from '../contracts/index.ts';
import { sleep, VamoError } from '../core/index.ts';
import { type BidderAck, readAcks } from './ack.ts';
import type { BidderStore } from './own-files.ts';

/**
 * `live`: serves what the newest record asks for. `behind`: not yet. `rejected`: refused something
 * newer and serves what it had. `silent`: stopped, or has not spoken for a while; never converged.
 */
type Condition = 'live' | 'behind' | 'rejected' | 'silent';

export interface Fleet {
  readonly head: {
    readonly generation: number;
    readonly epoch: number;
    readonly champion: ReleasedVersion;
  } | null;
  /** Files in the release log that nobody may act on. */
  readonly refused: readonly RefusedRecord[];
  readonly bidders: readonly { readonly condition: Condition; readonly ack: BidderAck }[];
}

export interface FleetOptions {
  readonly channel: string;
  readonly trusted: TrustedKeys;
  /** Wall-clock milliseconds. */
  readonly now: () => number;
  /** After how long without a word a bidder is silent. Default 20 s, four times its usual interval. */
  readonly silentAfterMs?: number;
}

/** The fleet against the newest record that may be believed. */
export async function readFleet(
  store: Pick<BidderStore, 'get' | 'list'>,
  options: FleetOptions,
): Promise<Fleet> {
  const { channel, trusted, now, silentAfterMs = 20_000 } = options;
  const { records, refused } = await readReleaseLog(store, channel, trusted);
  const newest = records.at(-1);
  const head =
    newest === undefined
      ? null
      : {
          generation: newest.record.generation,
          epoch: newest.record.epoch,
          champion: newest.record.champion,
        };
  const acks = await readAcks(store);
  const time = now();
  const conditionOf = (ack: BidderAck): Condition => {
    if (ack.state === 'stopped' || time - ack.at > silentAfterMs) return 'silent';
    if (ack.state === 'rejected') return 'rejected';
    const there = ack.generation === head?.generation && ack.epoch === head.epoch;
    return there && ack.activeDigest === head.champion.manifest ? 'live' : 'behind';
  };
  return { head, refused, bidders: acks.map((ack) => ({ condition: conditionOf(ack), ack })) };
}

/**
 * Waits until at least `bidders` are live and none that speaks is behind or has refused.
 * @throws VamoError FLEET_NOT_CONVERGED saying who is not there and why; INTERRUPTED
 */
export async function waitForConvergence(
  store: Pick<BidderStore, 'get' | 'list'>,
  options: FleetOptions & {
    readonly bidders: number;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  },
): Promise<Fleet> {
  const deadline = options.now() + options.timeoutMs;
  for (;;) {
    const fleet = await readFleet(store, options);
    const speaking = fleet.bidders.filter(({ condition }) => condition !== 'silent');
    const live = speaking.filter(({ condition }) => condition === 'live');
    if (live.length === speaking.length && live.length >= options.bidders) return fleet;
    if (options.now() >= deadline)
      throw new VamoError(
        'FLEET_NOT_CONVERGED',
        `${live.length} of ${options.bidders} bidders are live: ${describe(fleet)}`,
      );
    await sleep(100, options.signal);
  }
}

function describe({ bidders }: Fleet): string {
  const others = bidders.filter(({ condition }) => condition !== 'live');
  if (others.length === 0) return 'no others are known';
  return others
    .map(
      ({ condition, ack }) => `${ack.bidder} ${condition}${ack.reason ? ` (${ack.reason})` : ''}`,
    )
    .join(', ');
}
