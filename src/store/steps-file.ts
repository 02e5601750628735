import { type DaySteps, STEP_COLUMNS, STEP_ROWS } from '../contracts/index.ts';
import { encodeColumns, integerColumn, textColumn } from './column-builder.ts';

/** Step sums as the Arrow file that a seal's SQL writes: one row a campaign and step, in order. */
export function encodeDaySteps({ campaigns }: DaySteps): Uint8Array {
  const texts = { campaign_id: textColumn(), advertiser_id: textColumn(), task: textColumn() };
  const step = integerColumn();
  const sums = Object.fromEntries(STEP_COLUMNS.map((name) => [name, integerColumn()]));
  campaigns.forEach(({ campaignId, advertiserId, task, columns }, c) => {
    for (let t = 0; t < STEP_ROWS; t++) {
      const row = c * STEP_ROWS + t;
      texts.campaign_id.set(row, campaignId);
      texts.advertiser_id.set(row, advertiserId);
      texts.task.set(row, task);
      step.set(row, t);
      for (const name of STEP_COLUMNS) sums[name]?.set(row, columns[name][t] ?? 0);
    }
  });
  return encodeColumns({ ...texts, step, ...sums }, campaigns.length * STEP_ROWS);
}
