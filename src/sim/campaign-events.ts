import { type DayKey, dayStartMs, DAY_MS, type Random, seededRandom } from '../core/index.ts';
import type { CampaignEvent } from '../contracts/index.ts';
import { STREAM, type World, type WorldCampaign } from './settings.ts';

const BUDGET_CHANGE_SHARE = 0.06;
const PAUSE_SHARE = 0.04;
const CENT = 10_000;

type Change = Pick<CampaignEvent, 'event_time' | 'budget' | 'status'>;

/** A new budget between 0.7 and 1.5 times the old one, at any time of the day's middle. */
function budgetChange(start: number, budget: number, random: Random): Change[] {
  const at = start + Math.round(DAY_MS * (0.2 + 0.6 * random.next()));
  const factor = 0.7 + 0.8 * random.next();
  const changed = random.next() < BUDGET_CHANGE_SHARE;
  const next = Math.round((budget * factor) / CENT) * CENT;
  return changed ? [{ event_time: at, budget: next, status: 'active' }] : [];
}

/** A pause of up to a tenth of the day. */
function pause(start: number, budget: number, random: Random): Change[] {
  const from = start + Math.round(DAY_MS * (0.1 + 0.6 * random.next()));
  const length = Math.round(DAY_MS * (0.02 + 0.08 * random.next()));
  if (random.next() >= PAUSE_SHARE) return [];
  return [
    { event_time: from, budget, status: 'paused' },
    { event_time: from + length, budget, status: 'active' },
  ];
}

function eventsOf(
  world: World,
  campaign: WorldCampaign,
  day: DayKey,
  random: Random,
): CampaignEvent[] {
  const start = dayStartMs(day, world.config.days.utcOffsetMinutes);
  const { budget } = campaign;
  const paused = pause(start, budget, random);
  // One kind of change a day, so that a resumption cannot undo a new budget.
  const changes = paused.length > 0 ? paused : budgetChange(start, budget, random);
  const opening: Change = { event_time: start, budget, status: 'active' };
  return [opening, ...changes].map((change, i) => ({
    kind: 'campaign',
    event_id: `w${world.seed}.${day}.${campaign.campaignId}.b${i}`,
    campaign_id: campaign.campaignId,
    advertiser_id: campaign.advertiserId,
    task: world.tasks[campaign.task]?.id ?? '',
    day,
    cpa_limit: 0,
    ...change,
  }));
}

/** The day's budgets, their changes and pauses: per campaign of the world, in order of time. */
export function drawCampaignEvents(world: World, index: number, day: DayKey): CampaignEvent[][] {
  return world.campaigns.map((campaign, c) =>
    eventsOf(world, campaign, day, seededRandom(world.seed, STREAM.campaignEvents, index, c)),
  );
}
