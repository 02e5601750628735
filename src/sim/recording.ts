import type { OutcomeEvent } from '../contracts/index.ts';
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

export function auctionId(world: World, day: string, step: number, auction: number): string {
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

/** The candidate's three strongest rivals, micro-units; 0 = none. */
export function rivals(recording: StepRecording, i: number): [number, number, number] {
  const at = (recording.auction[i] ?? 0) * TOP;
  const bids = recording.topBids;
  const own = recording.topOwners.subarray(at, at + TOP).indexOf(recording.campaign[i] ?? -1);
  const rival = (k: number): number => bids[at + (own >= 0 && k >= own ? k + 1 : k)] ?? 0;
  return [rival(0), rival(1), rival(2)];
}

/** Whether an outcome was shown, and what it paid, micro-units. */
export function payment(
  recording: StepRecording,
  i: number,
  reserve: number,
): { readonly exposed: boolean; readonly cost: number } {
  const slot = recording.slot[i] ?? 0;
  const auction = recording.auction[i] ?? 0;
  const exposed = slot > 0 && slot <= (recording.shown[auction] ?? 0);
  const below = recording.topBids[auction * TOP + slot] ?? 0;
  return { exposed, cost: exposed ? Math.max(below, reserve) : 0 };
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
  const [competing_1, competing_2, competing_3] = rivals(recording, i);
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
    ...payment(recording, i, reserve),
    competing_1,
    competing_2,
    competing_3,
    model_version: recording.controlled[c] === 1 ? recording.modelVersion : '',
  };
}
