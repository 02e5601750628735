import type { RewardField, TaskSpec } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';

/** Randomness of one kind of campaign; `config/default.json` says the units. */
export interface TaskSettings {
  readonly id: string;
  readonly campaigns: number;
  readonly value: number;
  readonly ticket: number;
  readonly ticketSpread: number;
  readonly intentLoading: number;
  readonly browseLoading: number;
  readonly noise: number;
  readonly amplitude: number;
  readonly peakStep: number;
  readonly peakWalk: number;
  readonly shiftSd: number;
  readonly jumpSd: number;
  readonly jumpProbability: number;
}

export const BEHAVIOURS = ['pid', 'constant', 'exploration', 'bangbang', 'expert'] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** The part of the configuration the simulator reads. */
export interface SimulationConfig {
  readonly tasks: readonly TaskSpec[];
  readonly days: { readonly utcOffsetMinutes: number; readonly latenessMs: number };
  readonly market: { readonly reserve: number; readonly minRemaining: number };
  readonly simulator: {
    readonly seed: number;
    readonly firstDay: string;
    readonly auctionsPerDay: number;
    readonly scenes: number;
    readonly shift: number;
    readonly tasks: readonly TaskSettings[];
    readonly behaviour: Readonly<Record<Behaviour, number>>;
    readonly faults: {
      readonly duplicateShare: number;
      readonly disorderMs: number;
      readonly lateShare: number;
      readonly lateMaxMs: number;
      readonly poisonPerDay: number;
    };
  };
}

/** Names of the independent random streams: (seed, stream, ...). */
export const STREAM = {
  world: 1,
  days: 2,
  traffic: 3,
  campaignEvents: 4,
  behaviour: 7,
  outcomes: 9,
  faults: 11,
} as const;

export interface WorldTask extends TaskSettings {
  readonly reward: RewardField;
  /** Currency one unit of reward is worth: the unit of behaviour policies' multipliers. */
  readonly unitPrice: number;
}

export interface WorldCampaign {
  readonly campaignId: string;
  readonly advertiserId: string;
  /** Index into `World.tasks`. */
  readonly task: number;
  readonly scene: number;
  /** ln of the campaign's factor on values. */
  readonly lnQuality: number;
  /** Worth of one conversion, units of reward. */
  readonly ticket: number;
  /** A neutral day's budget, micro-units. */
  readonly budget: number;
}

/** Everything that does not change from day to day. */
export interface World {
  readonly config: SimulationConfig;
  readonly seed: number;
  readonly firstDay: DayKey;
  readonly tasks: readonly WorldTask[];
  /** By campaignId in byte order. */
  readonly campaigns: readonly WorldCampaign[];
  /** Share of a mean day's traffic before step t, t = 0..96. */
  readonly shares: Float64Array;
}
