import { EVENT_VERSION, MICRO, NANO, type OutcomeEvent } from '../contracts/index.ts';
import { type Ranking, SLOTS } from './auction.ts';
import { PREDICTION_NOISE } from './reward.ts';
import type { World } from './settings.ts';

/** One step's auctions and candidates as parallel arrays; the outcome events are made from it. */
export interface StepRecording {
  readonly step: number;
  readonly auctions: number;
  readonly timeMs: Float64Array;
  readonly shown: Uint8Array;
  /** Per auction the four highest bids, micro-units, and who made them; -1 = nobody of the world. */
  readonly topBids: Float64Array;
  readonly topOwners: Int16Array;
  readonly outcomes: number;
  readonly auction: Uint32Array;
  readonly campaign: Uint16Array;
  readonly pv: Float64Array;
  readonly bid: Float64Array;
  readonly slot: Uint8Array;
  /** The version that bid for the controlled campaigns, and which campaigns those are. */
  readonly modelVersion: string;
  readonly controlled: Uint8Array;
}

export type OpenRecording = { -readonly [K in keyof StepRecording]: StepRecording[K] };

const TOP = SLOTS + 1;

export function openRecording(
  step: number,
  auctions: number,
  campaigns: number,
  by: { readonly modelVersion: string; readonly controlled: Uint8Array },
): OpenRecording {
  const most = auctions * campaigns;
  return {
    step,
    auctions,
    timeMs: new Float64Array(auctions),
    shown: new Uint8Array(auctions),
    topBids: new Float64Array(auctions * TOP),
    topOwners: new Int16Array(auctions * TOP).fill(-1),
    outcomes: 0,
    auction: new Uint32Array(most),
    campaign: new Uint16Array(most),
    pv: new Float64Array(most),
    bid: new Float64Array(most),
    slot: new Uint8Array(most),
    ...by,
  };
}

/** Gives back the room that was kept for candidates who did not come. */
export function closeRecording(open: OpenRecording): StepRecording {
  const n = open.outcomes;
  return {
    ...open,
    auction: open.auction.slice(0, n),
    campaign: open.campaign.slice(0, n),
    pv: open.pv.slice(0, n),
    bid: open.bid.slice(0, n),
    slot: open.slot.slice(0, n),
  };
}

export function recordRanking(
  into: OpenRecording,
  auction: number,
  ranking: Ranking,
  campaigns: number,
): void {
  for (let k = 0; k < ranking.count; k++) {
    const owner = ranking.owners[k] ?? 0;
    into.topBids[auction * TOP + k] = ranking.bids[k] ?? 0;
    into.topOwners[auction * TOP + k] = owner < campaigns ? owner : -1;
  }
}

function auctionId(world: World, day: string, step: number, auction: number): string {
  return `w${world.seed}.${day}.s${step}.a${auction}`;
}

export function outcomeId(
  world: World,
  day: string,
  step: number,
  auction: number,
  campaign: number,
): string {
  const id = world.campaigns[campaign]?.campaignId ?? '';
  return `${auctionId(world, day, step, auction)}.${id}`;
}

/** Where in the auction's ranking the candidate itself stands; past the end when it does not. */
function ownRank(recording: StepRecording, i: number): number {
  const at = (recording.auction[i] ?? 0) * TOP;
  const campaign = recording.campaign[i] ?? -1;
  for (let k = 0; k < TOP; k++) if (recording.topOwners[at + k] === campaign) return k;
  return TOP;
}

/** The bid of the candidate's k-th strongest rival, k = 1..3, micro-units; 0 = none. */
export function rivalBid(recording: StepRecording, i: number, k: number): number {
  const at = (recording.auction[i] ?? 0) * TOP;
  return recording.topBids[at + (k - 1 < ownRank(recording, i) ? k - 1 : k)] ?? 0;
}

/** Whether an outcome was shown. */
export function isExposed(recording: StepRecording, i: number): boolean {
  const slot = recording.slot[i] ?? 0;
  return slot > 0 && slot <= (recording.shown[recording.auction[i] ?? 0] ?? 0);
}

/** What an outcome paid, micro-units. */
export function paid(recording: StepRecording, i: number, reserve: number): number {
  if (!isExposed(recording, i)) return 0;
  const below = (recording.auction[i] ?? 0) * TOP + (recording.slot[i] ?? 0);
  return Math.max(recording.topBids[below] ?? 0, reserve);
}

/** The event of candidate `i` of a step. */
export function outcomeEvent(
  world: World,
  day: string,
  recording: StepRecording,
  i: number,
  reserve: number,
): OutcomeEvent {
  const auction = recording.auction[i] ?? 0;
  const c = recording.campaign[i] ?? 0;
  const campaign = world.campaigns[c];
  const pv = recording.pv[i] ?? 0;
  return {
    kind: 'outcome',
    event_id: outcomeId(world, day, recording.step, auction, c),
    event_time: recording.timeMs[auction] ?? 0,
    campaign_id: campaign?.campaignId ?? '',
    auction_id: auctionId(world, day, recording.step, auction),
    task: world.tasks[campaign?.task ?? 0]?.id ?? '',
    pv,
    pv_sigma: Math.round(PREDICTION_NOISE * pv),
    bid: recording.bid[i] ?? 0,
    slot: recording.slot[i] ?? 0,
    shown: recording.shown[auction] ?? 0,
    exposed: isExposed(recording, i),
    cost: paid(recording, i, reserve),
    competing_1: rivalBid(recording, i, 1),
    competing_2: rivalBid(recording, i, 2),
    competing_3: rivalBid(recording, i, 3),
    model_version: recording.controlled[c] === 1 ? recording.modelVersion : '',
  };
}

/** The event's JSON text, as `encodeEvent` would have it: most of a day's records, made directly. */
export function outcomeText(event: OutcomeEvent): string {
  return (
    `{"v":${EVENT_VERSION},"kind":"outcome","event_id":"${event.event_id}"` +
    `,"event_time":${event.event_time},"campaign_id":"${event.campaign_id}"` +
    `,"auction_id":"${event.auction_id}","task":"${event.task}"` +
    `,"pv":${event.pv / NANO},"pv_sigma":${event.pv_sigma / NANO},"bid":${event.bid / MICRO}` +
    `,"slot":${event.slot},"exposed":${String(event.exposed)},"shown":${event.shown}` +
    `,"cost":${event.cost / MICRO},"competing_1":${event.competing_1 / MICRO}` +
    `,"competing_2":${event.competing_2 / MICRO},"competing_3":${event.competing_3 / MICRO}` +
    `,"model_version":"${event.model_version}"}`
  );
}
