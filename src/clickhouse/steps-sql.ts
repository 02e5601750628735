import { EVENT_COLUMNS, MICRO, type RewardField, STEP_ROWS } from '../contracts/index.ts';
import { STEPS, STEP_MS } from '../core/index.ts';
import { STEPS_FILE_COLUMNS } from '../store/index.ts';
import { ARROW_OUTPUT, arrowFiles, integer, literal } from './sql-text.ts';

export interface StepsSql {
  /** Folder that holds `events.arrow` and gets `steps.arrow`. */
  readonly folder: string;
  /** First millisecond of the day. */
  readonly startMs: number;
  /** Micro-units. */
  readonly reserveMicro: number;
  readonly tasks: readonly { readonly id: string; readonly reward: RewardField }[];
  /**
   * A conversion counts for its outcome up to this long after it; `rewards.arrow` in the folder holds
   * those of later days. 0 = those of the day alone, and no such file.
   */
  readonly attributionMs: number;
}

/** Micro-units of reward; a count is a whole unit. */
const REWARD_MICRO: Readonly<Record<RewardField, string>> = {
  gmv: 'gmv',
  direct_gmv: 'direct_gmv',
  items: `items * ${MICRO}`,
};

const laterRewards = (folder: string): string => arrowFiles(folder, 'rewards.arrow', EVENT_COLUMNS);

/** Conversions and carts of a table with what they are worth to their campaign's task. */
function rewards(table: string, worth: string): string {
  return `
    SELECT campaign_id, outcome_id, event_time, arrival_ms, multiIf(${worth}, ${integer(0)}) AS reward
    FROM (SELECT campaign_id, outcome_id, event_time, arrival_ms, gmv, direct_gmv, items
      FROM ${table} WHERE kind IN ('conversion', 'cart')) AS r
    INNER JOIN campaigns USING (campaign_id)`;
}

/**
 * Named intermediate results over the events: campaigns, their terms over time, and step sums.
 * The right side of a join is held in memory: that is the conversions, few beside the outcomes.
 */
function intermediate(parts: StepsSql): string {
  const { folder, startMs, reserveMicro, tasks, attributionMs } = parts;
  const start = integer(startMs);
  const step = (time: string): string => `intDiv(${time} - ${start}, ${STEP_MS})`;
  const reward = tasks.map((t) => `task = ${literal(t.id)}, ${REWARD_MICRO[t.reward]}`).join(', ');
  return `events AS (SELECT * FROM ${arrowFiles(folder, 'events.arrow', EVENT_COLUMNS)}),
  campaigns AS (
    SELECT campaign_id, argMin(advertiser_id, (event_time, event_id)) AS advertiser_id,
      argMin(task, (event_time, event_id)) AS task
    FROM events WHERE kind = 'campaign' GROUP BY campaign_id),
  terms AS (
    SELECT campaign_id, event_time, argMax(budget, event_id) AS budget,
      argMax(toInt64(status = 'active'), event_id) AS active
    FROM events WHERE kind = 'campaign' GROUP BY campaign_id, event_time),
  outcomes AS (
    SELECT campaign_id, event_id, event_time, ${step('event_time')} AS step, pv, bid, slot, exposed, cost,
      greatest(competing_3, ${integer(reserveMicro)}) AS lwc, pv * exposed AS pv_won
    FROM events WHERE kind = 'outcome'),
  rewards AS (${rewards('events', reward)}),
  earned AS (
    SELECT * FROM rewards${
      attributionMs === 0
        ? ''
        : `
    UNION ALL ${rewards(laterRewards(folder), reward)}`
    }),
  auctioned AS (
    SELECT campaign_id, step, count() AS outcomes, sum(pv) AS pv, sum(bid) AS bid,
      countIf(slot > 0) AS wins, sum(exposed) AS exposures, sum(cost) AS cost, sum(lwc) AS lwc,
      sum(pv_won) AS pv_won
    FROM outcomes GROUP BY campaign_id, step),
  seen AS (
    SELECT campaign_id, ${step('arrival_ms')} AS step, sum(reward) AS reward_seen
    FROM rewards
    WHERE arrival_ms >= ${start} AND arrival_ms < ${start} + ${STEPS * STEP_MS}
    GROUP BY campaign_id, step),
  attributed AS (
    SELECT campaign_id, step, sum(reward) AS reward_attributed
    FROM (
      SELECT campaign_id, event_id AS outcome_id, event_time AS outcome_time, step FROM outcomes) AS o
    INNER JOIN earned USING (campaign_id, outcome_id)
    ${attributionMs === 0 ? '' : `WHERE event_time - outcome_time <= ${integer(attributionMs)}`}
    GROUP BY campaign_id, step),
  grid AS (
    SELECT campaign_id, advertiser_id, task, step, ${start} + step * ${STEP_MS} AS event_time
    FROM campaigns ARRAY JOIN arrayMap(i -> toInt64(i), range(${STEP_ROWS})) AS step)`;
}

/** Writes `steps.arrow`: StepSums as the contract defines them, by (campaign_id, step). */
export function writeSteps(parts: StepsSql): string {
  return `INSERT INTO FUNCTION ${arrowFiles(parts.folder, 'steps.arrow', STEPS_FILE_COLUMNS)}
  WITH ${intermediate(parts)}
  SELECT campaign_id, advertiser_id, task, step, outcomes, pv, bid, wins, exposures, cost, lwc,
    pv_won, reward_seen, reward_attributed, budget,
    budget - sum(cost) OVER (PARTITION BY campaign_id ORDER BY step) + cost AS remaining, active
  FROM grid
    ASOF LEFT JOIN terms USING (campaign_id, event_time)
    LEFT JOIN auctioned USING (campaign_id, step)
    LEFT JOIN seen USING (campaign_id, step)
    LEFT JOIN attributed USING (campaign_id, step)
  ORDER BY campaign_id, step
  ${ARROW_OUTPUT}`;
}

/** Outcomes of campaigns without a campaign event: one row, `orphans`. */
export function countOrphans({ folder }: Pick<StepsSql, 'folder'>): string {
  return `WITH events AS (
    SELECT campaign_id, kind FROM ${arrowFiles(folder, 'events.arrow', EVENT_COLUMNS)})
  SELECT countIf(kind = 'outcome') AS orphans FROM events
  WHERE campaign_id NOT IN (SELECT campaign_id FROM events WHERE kind = 'campaign')`;
}

/** Campaigns per task: rows of `task`, `campaigns`. */
export function countCampaigns({ folder }: Pick<StepsSql, 'folder'>): string {
  return `SELECT task, uniqExact(campaign_id) AS campaigns
  FROM ${arrowFiles(folder, 'steps.arrow', STEPS_FILE_COLUMNS)} GROUP BY task ORDER BY task`;
}
