import { z } from 'zod';
import { REWARD_FIELDS, type TaskSpec } from './event.ts';

/**
 * What the data in a directory depends on: written when the first events are taken in. Read under
 * other rules, the same events would make other days.
 */
export const dataRules = z.strictObject({
  schema: z.literal('rules/v1'),
  utcOffsetMinutes: z.int(),
  latenessMs: z.int(),
  /** Currency. */
  reserve: z.number(),
  /** Reward by task. */
  tasks: z.record(z.string(), z.enum(REWARD_FIELDS)),
});
export type DataRules = z.infer<typeof dataRules>;

/** The rules of a configuration. */
export function rulesOf(config: {
  readonly days: { readonly utcOffsetMinutes: number; readonly latenessMs: number };
  readonly market: { readonly reserve: number };
  readonly tasks: readonly TaskSpec[];
}): DataRules {
  return {
    schema: 'rules/v1',
    utcOffsetMinutes: config.days.utcOffsetMinutes,
    latenessMs: config.days.latenessMs,
    reserve: config.market.reserve,
    tasks: Object.fromEntries(config.tasks.map(({ id, reward }) => [id, reward])),
  };
}
