import { dayKey, type DayKey, VamoError } from '../core/index.ts';
import {
  type AuctionEvent,
  type CampaignEvent,
  type CartEvent,
  type ConversionEvent,
  EVENT_KINDS,
  EVENT_VERSION,
  MICRO,
  NANO,
  type OutcomeEvent,
} from './event.ts';

// Written out rather than as a schema: this runs once an event, and a schema took five times as long.

type Wire = Readonly<Record<string, unknown>>;

export const LONGEST_ID = 128;
export const LATEST_MS = 8_640_000_000_000;
/** Sums of storage units stay exact below 2^53. */
export const LARGEST = 9e15;
export const POSITIONS = 3;
const MOST_ITEMS = 1e9;

function invalid(field: string, must: string, value: unknown): VamoError {
  return new VamoError('EVENT_INVALID', `${field}: ${must}`, { details: { field, value } });
}

/** Printable ASCII without blanks. A loop: a pattern takes three times as long for short text. */
function isPrintable(text: string): boolean {
  if (text.length > LONGEST_ID) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return true;
}

function identifier(wire: Wire, field: string): string {
  const value = wire[field];
  if (typeof value !== 'string' || value === '' || !isPrintable(value))
    throw invalid(field, 'must be 1 to 128 printable ASCII characters', value);
  return value;
}

function optionalIdentifier(wire: Wire, field: string): string {
  const value = wire[field];
  if (value === undefined) return '';
  if (typeof value !== 'string' || !isPrintable(value))
    throw invalid(field, 'must be at most 128 printable ASCII characters', value);
  return value;
}

function integer(wire: Wire, field: string, max: number): number {
  const value = wire[field];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max)
    throw invalid(field, `must be a whole number from 0 to ${max}`, value);
  return value;
}

/** A decimal on the wire, a whole number of `1 / unit` in storage. */
function decimal(wire: Wire, field: string, unit: number): number {
  const value = wire[field];
  if (typeof value !== 'number' || !(value >= 0 && value <= LARGEST / unit))
    throw invalid(field, `must be a number from 0 to ${LARGEST / unit}`, value);
  return Math.round(value * unit);
}

const optionalDecimal = (wire: Wire, field: string, unit: number): number =>
  wire[field] === undefined ? 0 : decimal(wire, field, unit);

function boolean(wire: Wire, field: string): boolean {
  const value = wire[field];
  if (typeof value !== 'boolean') throw invalid(field, 'must be true or false', value);
  return value;
}

function day(wire: Wire, field: string): DayKey {
  const value = wire[field];
  try {
    return dayKey(typeof value === 'string' ? value : '');
  } catch {
    throw invalid(field, 'must be a day, YYYY-MM-DD', value);
  }
}

function status(wire: Wire, field: string): 'active' | 'paused' {
  const value = wire[field];
  if (value !== 'active' && value !== 'paused')
    throw invalid(field, 'must be "active" or "paused"', value);
  return value;
}

const campaign = (wire: Wire): CampaignEvent => ({
  kind: 'campaign',
  event_id: identifier(wire, 'event_id'),
  event_time: integer(wire, 'event_time', LATEST_MS),
  campaign_id: identifier(wire, 'campaign_id'),
  advertiser_id: optionalIdentifier(wire, 'advertiser_id'),
  task: identifier(wire, 'task'),
  day: day(wire, 'day'),
  budget: decimal(wire, 'budget', MICRO),
  status: status(wire, 'status'),
  cpa_limit: optionalDecimal(wire, 'cpa_limit', MICRO),
});

function outcome(wire: Wire): OutcomeEvent {
  const event: OutcomeEvent = {
    kind: 'outcome',
    event_id: identifier(wire, 'event_id'),
    event_time: integer(wire, 'event_time', LATEST_MS),
    campaign_id: identifier(wire, 'campaign_id'),
    auction_id: identifier(wire, 'auction_id'),
    task: identifier(wire, 'task'),
    pv: decimal(wire, 'pv', NANO),
    pv_sigma: optionalDecimal(wire, 'pv_sigma', NANO),
    bid: decimal(wire, 'bid', MICRO),
    slot: integer(wire, 'slot', POSITIONS),
    exposed: boolean(wire, 'exposed'),
    shown: wire['shown'] === undefined ? 0 : integer(wire, 'shown', POSITIONS),
    cost: decimal(wire, 'cost', MICRO),
    competing_1: optionalDecimal(wire, 'competing_1', MICRO),
    competing_2: optionalDecimal(wire, 'competing_2', MICRO),
    competing_3: optionalDecimal(wire, 'competing_3', MICRO),
    model_version: optionalIdentifier(wire, 'model_version'),
  };
  checkOutcome(event);
  return event;
}

/** Fields that are each valid but cannot be true together. */
function checkOutcome(event: OutcomeEvent): void {
  const { slot, exposed, shown, cost } = event;
  if (exposed && slot === 0) throw invalid('exposed', 'true but slot is 0 (lost)', exposed);
  if (!exposed && cost > 0) throw invalid('cost', `${cost / MICRO} but not exposed`, cost / MICRO);
  if (shown > 0 && slot > 0 && exposed !== slot <= shown)
    throw invalid('exposed', `${String(exposed)} but slot ${slot} of ${shown} shown`, exposed);
  if (event.competing_2 > event.competing_1)
    throw invalid('competing_2', 'must not be above competing_1', event.competing_2 / MICRO);
  if (event.competing_3 > event.competing_2)
    throw invalid('competing_3', 'must not be above competing_2', event.competing_3 / MICRO);
}

const conversion = (wire: Wire): ConversionEvent => ({
  kind: 'conversion',
  event_id: identifier(wire, 'event_id'),
  event_time: integer(wire, 'event_time', LATEST_MS),
  campaign_id: identifier(wire, 'campaign_id'),
  outcome_id: identifier(wire, 'outcome_id'),
  gmv: decimal(wire, 'gmv', MICRO),
  direct_gmv: optionalDecimal(wire, 'direct_gmv', MICRO),
  order_id: optionalIdentifier(wire, 'order_id'),
});

const cart = (wire: Wire): CartEvent => ({
  kind: 'cart',
  event_id: identifier(wire, 'event_id'),
  event_time: integer(wire, 'event_time', LATEST_MS),
  campaign_id: identifier(wire, 'campaign_id'),
  outcome_id: identifier(wire, 'outcome_id'),
  items: integer(wire, 'items', MOST_ITEMS),
});

/**
 * Reads one event off the wire (JSON, version 1; money and values as decimals). Unknown fields are
 * ignored, so producers may add some.
 * @throws VamoError EVENT_INVALID naming the field and its value.
 */
export function decodeEvent(json: unknown): AuctionEvent {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid('event', 'must be a JSON object', json);
  const wire = json as Wire;
  if (wire['v'] !== EVENT_VERSION) throw invalid('v', `must be ${EVENT_VERSION}`, wire['v']);
  switch (wire['kind']) {
    case 'outcome':
      return outcome(wire);
    case 'campaign':
      return campaign(wire);
    case 'conversion':
      return conversion(wire);
    case 'cart':
      return cart(wire);
    default:
      throw invalid('kind', `must be one of ${EVENT_KINDS.join(', ')}`, wire['kind']);
  }
}

const MONEY_FIELDS = [
  'budget',
  'cpa_limit',
  'bid',
  'cost',
  'competing_1',
  'competing_2',
  'competing_3',
  'gmv',
  'direct_gmv',
];
const VALUE_FIELDS = ['pv', 'pv_sigma'];

/** The wire form of an event: the inverse of `decodeEvent`. */
export function encodeEvent(event: AuctionEvent): Record<string, unknown> {
  const wire: Record<string, unknown> = { v: EVENT_VERSION, ...event };
  const scale = (fields: readonly string[], unit: number): void => {
    for (const field of fields) {
      const value = wire[field];
      if (typeof value === 'number') wire[field] = value / unit;
    }
  };
  scale(MONEY_FIELDS, MICRO);
  scale(VALUE_FIELDS, NANO);
  return wire;
}
