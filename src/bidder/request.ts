import { z } from 'zod';
import {
  type CampaignSteps,
  emptyStepColumns,
  STEP_COLUMNS,
  type StepSums,
  stepSumsAt,
} from '../contracts/index.ts';
import { dayKey, isVamoError, STEPS, VamoError } from '../core/index.ts';
import type { PlanRequest } from '../features/index.ts';

/**
 * Largest body of a request. A campaign's row of sums is about 180 bytes of JSON, so this is some
 * 240 campaigns at the last step of the day, thousands in the morning; callers with more split.
 */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_CAMPAIGNS = 4096;

const money = z.int().min(0);
const scalesBody = z.strictObject({
  day: z.string(),
  step: z
    .int()
    .min(0)
    .max(STEPS - 1),
  campaigns: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters'),
        task: z.string(),
        budget: money,
        remaining: z.int(),
        steps: z.array(z.record(z.string(), z.unknown())).max(STEPS),
      }),
    )
    .min(1)
    .max(MAX_CAMPAIGNS),
});

/** What a caller sends: per campaign the sums of the steps before `step`, and what is left. */
export interface ScalesRequest {
  readonly day: string;
  readonly step: number;
  readonly campaigns: readonly {
    readonly id: string;
    readonly task: string;
    /** Micro-units, in force at the start of `step`. */
    readonly budget: number;
    readonly remaining: number;
    /** Exactly `step` rows, steps 0..step-1. */
    readonly steps: readonly StepSums[];
  }[];
}

/** Builds the request for one step of a day from campaigns' sums (row `step` gives what is left). */
export function scalesRequest(
  day: string,
  step: number,
  campaigns: readonly CampaignSteps[],
): ScalesRequest {
  return {
    day,
    step,
    campaigns: campaigns.map(({ campaignId, task, columns }) => ({
      id: campaignId,
      task,
      budget: columns.budget[step] ?? 0,
      remaining: columns.remaining[step] ?? 0,
      steps: Array.from({ length: step }, (_, t) => stepSumsAt(columns, t)),
    })),
  };
}

/**
 * Reads a request body.
 * @returns one plan request a campaign, in the order given
 * @throws VamoError BIDDER_REQUEST naming the field
 */
export function parseScales(body: string): PlanRequest[] {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new VamoError('BIDDER_REQUEST', 'body: not JSON', { cause });
  }
  const parsed = scalesBody.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.map(String).join('.') ?? '';
    throw badField(path === '' ? 'body' : path, issue?.message ?? 'invalid');
  }
  const { day, step, campaigns } = parsed.data;
  checkDay(day);
  return campaigns.map((campaign, i) => {
    const columns = emptyStepColumns();
    const at = `campaigns.${i}`;
    if (campaign.steps.length !== step)
      throw badField(`${at}.steps`, `${campaign.steps.length} rows, must be ${step} (one a step)`);
    if (campaign.remaining > campaign.budget)
      throw badField(`${at}.remaining`, `${campaign.remaining} is over the budget`);
    campaign.steps.forEach((row, t) => fillRow(columns, t, row, `${at}.steps.${t}`));
    columns.budget[step] = campaign.budget;
    columns.remaining[step] = campaign.remaining;
    columns.active[step] = 1;
    const { id: campaignId, task } = campaign;
    return { task, step, day, steps: { campaignId, advertiserId: '', task, columns } };
  });
}

function checkDay(day: string): void {
  try {
    dayKey(day);
  } catch (error) {
    throw isVamoError(error) ? badField('day', error.message) : error;
  }
}

/** Copies one row of sums into the columns. `remaining` may be below zero; nothing else. */
function fillRow(
  columns: Record<string, Float64Array>,
  step: number,
  row: Readonly<Record<string, unknown>>,
  at: string,
): void {
  for (const column of STEP_COLUMNS) {
    const value = row[column];
    if (!Number.isSafeInteger(value))
      throw badField(`${at}.${column}`, `${String(value)} is not an integer`);
    if (Number(value) < 0 && column !== 'remaining')
      throw badField(`${at}.${column}`, `${Number(value)} is negative`);
    const target = columns[column];
    if (target) target[step] = Number(value);
  }
  const extra = Object.keys(row).length - STEP_COLUMNS.length;
  if (extra > 0) throw badField(at, `${extra} unknown fields`);
}

function badField(field: string, message: string): VamoError {
  return new VamoError('BIDDER_REQUEST', `${field}: ${message}`, { details: { field } });
}
