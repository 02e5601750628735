import { STEP_COLUMNS, type StepColumn } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';

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

/** A sealed generation of a day. */
export interface SealedDay {
  readonly day: DayKey;
  readonly generation: number;
}

/** The folder of a generation of a day: `days/DAY/gNNNN/`. */
export function partitionPrefix(day: DayKey, generation: number): string {
  return `days/${day}/g${String(generation).padStart(4, '0')}/`;
}

/**
 * Lies beside a manifest that may say that the day is withdrawn, and is written before it: who lists
 * generations opens only those manifests.
 */
export const WITHDRAWING = 'withdrawing';
