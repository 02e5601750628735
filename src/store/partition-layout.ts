import { STEP_COLUMNS, type StepColumn } from '../contracts/index.ts';

/** Columns of `steps.arrow`: the campaign, the row 0..96 and its sums; by (campaign_id, step). */
export const STEPS_FILE_COLUMNS = {
  campaign_id: 'text',
  advertiser_id: 'text',
  task: 'text',
  step: 'int64',
  ...(Object.fromEntries(STEP_COLUMNS.map((name) => [name, 'int64'])) as Record<
    StepColumn,
    'int64'
  >),
} as const satisfies Record<string, 'text' | 'int64'>;
