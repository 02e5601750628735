import { z } from 'zod';
import { dayKey, VamoError } from '../core/index.ts';
import { type AuctionEvent, EVENT_VERSION, MICRO, NANO } from './event.ts';

const identifier = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters');
const optionalIdentifier = z
  .string()
  .regex(/^[\x21-\x7e]{0,128}$/, 'must be printable ASCII')
  .default('');
const millis = z.int().min(0).max(8_640_000_000_000);
/** A decimal on the wire, an integer in storage. */
const decimal = (unit: number, max = 9e15 / unit) =>
  z
    .number()
    .min(0)
    .max(max)
    .transform((x) => Math.round(x * unit));
const money = decimal(MICRO);
const value = decimal(NANO);
const day = z.string().transform((text, context) => {
  try {
    return dayKey(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a day, YYYY-MM-DD' });
    return z.NEVER;
  }
});
const position = z.int().min(0).max(3);

const envelope = {
  v: z.literal(EVENT_VERSION),
  event_id: identifier,
  event_time: millis,
  campaign_id: identifier,
};

const wireEvent = z.discriminatedUnion('kind', [
  z.object({
    ...envelope,
    kind: z.literal('campaign'),
    advertiser_id: optionalIdentifier,
    task: identifier,
    day,
    budget: money,
    status: z.enum(['active', 'paused']),
    cpa_limit: money.default(0),
  }),
  z.object({
    ...envelope,
    kind: z.literal('outcome'),
    auction_id: identifier,
    task: identifier,
    pv: value,
    pv_sigma: value.default(0),
    bid: money,
    slot: position,
    exposed: z.boolean(),
    shown: position.default(0),
    cost: money,
    competing_1: money.default(0),
    competing_2: money.default(0),
    competing_3: money.default(0),
    model_version: optionalIdentifier,
  }),
  z.object({
    ...envelope,
    kind: z.literal('conversion'),
    outcome_id: identifier,
    gmv: money,
    direct_gmv: money.default(0),
    order_id: optionalIdentifier,
  }),
  z.object({
    ...envelope,
    kind: z.literal('cart'),
    outcome_id: identifier,
    items: z.int().min(0).max(1e9),
  }),
]);

/**
 * Reads one event off the wire (JSON, version 1; money and values as decimals). Unknown fields are
 * ignored, so producers may add some.
 * @throws VamoError EVENT_INVALID naming the field and its value.
 */
export function decodeEvent(json: unknown): AuctionEvent {
  const parsed = wireEvent.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.map(String).join('.') ?? '';
    const field = path === '' ? 'event' : path;
    const found =
      typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[path] : json;
    throw new VamoError('EVENT_INVALID', `${field}: ${issue?.message ?? 'invalid'}`, {
      details: { field, value: found },
    });
  }
  const { v: _version, ...event } = parsed.data;
  const contradiction = contradictionIn(event);
  if (contradiction !== undefined)
    throw new VamoError('EVENT_INVALID', contradiction, { details: { field: 'slot' } });
  return event;
}

/** Fields that are each valid but cannot be true together. */
function contradictionIn(event: AuctionEvent): string | undefined {
  if (event.kind !== 'outcome') return undefined;
  if (event.exposed && event.slot === 0) return 'exposed: true but slot is 0 (lost)';
  if (!event.exposed && event.cost > 0) return `cost: ${event.cost / MICRO} but not exposed`;
  if (event.shown > 0 && event.slot > 0 && event.exposed !== event.slot <= event.shown)
    return `exposed: ${String(event.exposed)} but slot ${event.slot} of ${event.shown} shown`;
  if (event.competing_2 > event.competing_1 || event.competing_3 > event.competing_2)
    return 'competing_1..3: must not rise';
  return undefined;
}

/** The wire form of an event: the inverse of `decodeEvent`. */
export function encodeEvent(event: AuctionEvent): Record<string, unknown> {
  const wire: Record<string, unknown> = { v: EVENT_VERSION, ...event };
  for (const field of [
    'budget',
    'cpa_limit',
    'bid',
    'cost',
    'competing_1',
    'competing_2',
    'competing_3',
    'gmv',
    'direct_gmv',
  ])
    if (typeof wire[field] === 'number') wire[field] = wire[field] / MICRO;
  for (const field of ['pv', 'pv_sigma'])
    if (typeof wire[field] === 'number') wire[field] = wire[field] / NANO;
  return wire;
}
