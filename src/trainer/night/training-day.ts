import type { CampaignSteps, DayLog, DaySteps, MarketSums } from '../../contracts/index.ts';
import { dayEfficiencies, hindsightAlphas, type ReplayRules } from '../../eval/index.ts';
import {
  campaignReturn,
  marketSums,
  type CampaignsOfDay,
  returnEfficiency,
  type RewardKind,
  stepMask,
} from '../../features/index.ts';
import { type DayKey, STEPS } from '../../core/index.ts';

/** A campaign's day as the day's index has it: small, whatever its steps and events take. */
interface DayCampaign {
  readonly campaignId: string;
  readonly task: string;
  /** e = R/R*; undefined where it is not known. */
  readonly efficiency: number | undefined;
  /** Whether it acted in some step: there is something to learn from. */
  readonly acted: boolean;
  /** ln alpha [96] that would have been best from each state; null where the log cannot tell. */
  readonly hindsight: Float32Array | null;
  read(): CampaignSteps;
}

/** How a day becomes labels and actions to learn. */
export interface LabelOptions {
  readonly rules: ReplayRules;
  readonly actions: 'logged' | 'hindsight';
  /** Default: predicted. */
  readonly reward?: RewardKind | undefined;
}

/** What a day is replayed from, whole in memory. */
export interface PlayedDay {
  readonly steps: DaySteps;
  readonly log: DayLog;
}

/** A day's step sums, gone through campaign by campaign. */
export interface DayStream extends CampaignsOfDay {
  readonly day: DayKey;
}

/** A sealed day as training sees it: an index in memory, the rest read when it is needed. */
export interface TrainingDay {
  readonly day: string;
  readonly campaigns: readonly DayCampaign[];
  /** All campaigns' step sums, one at a time. */
  readonly steps: CampaignsOfDay;
  /** The day's market, over all campaigns. */
  readonly market: MarketSums;
  /** @throws VamoError STORE_CORRUPT for a day that has no events */
  replay(): Promise<PlayedDay>;
  close(): void;
}

/** A sealed day as far as the days after it see it. */
export type HistoryDay = Pick<TrainingDay, 'day' | 'market'>;

/** Where a day's step sums come from again, campaign by campaign in the day's order. */
export interface DaySource {
  read(campaign: number): CampaignSteps;
  replay(): Promise<PlayedDay>;
  close(): void;
}

/** All campaigns of a source, one at a time. */
export function streamed(count: number, read: DaySource['read']): CampaignsOfDay {
  return {
    campaigns: {
      *[Symbol.iterator]() {
        for (let i = 0; i < count; i++) yield read(i);
      },
    },
  };
}

/**
 * The index of a day from all that is known of it; what is given may be let go afterwards. Labels
 * and hindsight depend on that day alone. Without a log (a day of step sums only) a label is the
 * return per currency unit of budget, and there is no hindsight.
 * @param source default: what was given, kept in memory
 */
export function trainingDay(
  known: PlayedDay | { readonly steps: DayStream; readonly log: null },
  options: LabelOptions,
  source: DaySource = inMemory(known),
): TrainingDay {
  const { rules, actions, reward = 'predicted' } = options;
  const { log } = known;
  const found =
    known.log &&
    new Map(dayEfficiencies(known.log, known.steps, rules).map((e) => [e.campaignId, e]));
  const logs = new Map(log?.campaigns.map((c) => [c.campaignId, c]));
  const indexed = (own: CampaignSteps, i: number): DayCampaign => {
    const { campaignId, task, columns } = own;
    const unitPrice = rules.tasks.find(({ id }) => id === task)?.unitPrice;
    const ownLog = logs.get(campaignId);
    const best =
      log && ownLog && unitPrice !== undefined && actions === 'hindsight'
        ? hindsightAlphas(ownLog, own, { startMs: log.startMs, unitPrice, rules })
        : null;
    return {
      campaignId,
      task,
      // The best return in hindsight is of predicted values: realised ones have no such measure.
      efficiency:
        found && reward === 'predicted'
          ? found.get(campaignId)?.efficiency
          : returnEfficiency(campaignReturn(own, reward), null, columns.budget[STEPS] ?? 0),
      acted: stepMask(own, rules.minRemaining).includes(1),
      hindsight: best && Float32Array.from(best),
      read: () => source.read(i),
    };
  };
  const { day } = known.steps;
  const campaigns: DayCampaign[] = [];
  for (const own of known.steps.campaigns) campaigns.push(indexed(own, campaigns.length));
  const all = streamed(campaigns.length, (i) => source.read(i));
  return {
    day,
    campaigns,
    steps: all,
    market: marketSums(all),
    replay: () => source.replay(),
    close: () => source.close(),
  };
}

function inMemory({ steps, log }: Parameters<typeof trainingDay>[0]): DaySource {
  const campaigns = [...steps.campaigns];
  return {
    read(campaign) {
      const own = campaigns[campaign];
      if (!own) throw new RangeError(`campaign ${campaign} of ${campaigns.length}`);
      return own;
    },
    replay: () =>
      log
        ? Promise.resolve({ steps: { day: steps.day, campaigns }, log })
        : Promise.reject(new RangeError('a day without a log')),
    close: () => undefined,
  };
}
