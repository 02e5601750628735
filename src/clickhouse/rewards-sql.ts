import { EVENT_COLUMNS } from '../contracts/index.ts';
import { eventRows, type RowSource, winners } from './events-sql.ts';
import { ARROW_OUTPUT, arrowFiles, columnList, integer } from './sql-text.ts';

export interface RewardsSql {
  /** Rows of the days after the day. */
  readonly sources: readonly RowSource[];
  /** Folder that holds the day's `events.arrow` and gets `rewards.arrow`. */
  readonly folder: string;
  readonly attributionMs: number;
}

/**
 * Writes `rewards.arrow`: conversions and carts stored on later days that belong to an outcome of
 * this day and follow it within the window, each id once, in canonical order.
 */
export function writeRewards({ sources, folder, attributionMs }: RewardsSql): string {
  const columns = columnList(EVENT_COLUMNS);
  const events = arrowFiles(folder, 'events.arrow', EVENT_COLUMNS);
  const rows =
    sources.length === 0 ? `SELECT ${columns} FROM ${events} WHERE 0` : eventRows(sources);
  return `INSERT INTO FUNCTION ${arrowFiles(folder, 'rewards.arrow', EVENT_COLUMNS)}
  WITH own AS (SELECT * FROM ${events}),
  outcomes AS (
    SELECT campaign_id, event_id AS outcome_id, event_time AS outcome_time
    FROM own WHERE kind = 'outcome'),
  later AS (${winners(`SELECT ${columns} FROM (${rows}) WHERE kind IN ('conversion', 'cart')`)})
  SELECT ${columns} FROM later INNER JOIN outcomes USING (campaign_id, outcome_id)
  WHERE event_time >= outcome_time AND event_time - outcome_time <= ${integer(attributionMs)}
    AND (kind, event_id) NOT IN (SELECT kind, event_id FROM own)
  ORDER BY campaign_id, event_time, kind, event_id
  ${ARROW_OUTPUT}`;
}

/** One row, `rows`: how many rows `rewards.arrow` holds. */
export function countRewards({ folder }: Pick<RewardsSql, 'folder'>): string {
  return `SELECT count() AS rows FROM ${arrowFiles(folder, 'rewards.arrow', EVENT_COLUMNS)}`;
}
