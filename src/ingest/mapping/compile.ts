import { DAY_MS, dayOf, dayStartMs, VamoError } from '../../core/index.ts';
import {
  type ArrivedEvent,
  badTime,
  badOf,
  createPlacer,
  type Decoded,
  type DecoderOptions,
  type PlacedEvent,
  type RecordDecoder,
} from '../decode-record.ts';
import { EVENT_FIELDS } from '../event-fields.ts';
import type { ReadRecord } from '../event-source.ts';
import { compileCondition, compileExpression } from './expression.ts';
import type { Condition, Expression, LineContext } from './line-context.ts';
import { fieldValue } from './field-value.ts';
import { createLineReader, type LineReader } from './line-reader.ts';
import { mappingError, type MappingSpec } from './spec.ts';
import { variesByLine } from './template.ts';

/** What a line gives; never one bare event. */
type Made = Exclude<Decoded, PlacedEvent>;
type EventSpec = MappingSpec['events'][number];

/** Makes one event of a line, in its wire form; undefined when the line gives no such event. */
type EventMaker = (context: LineContext, timeMs: number) => Record<string, unknown> | undefined;

/**
 * The decoder of a foreign log: each line is filtered, bad, or gives one event or more. Pure: the same
 * line gives the same events at any place.
 * @throws VamoError MAPPING_INVALID naming the place in the mapping
 */
export function compileMapping(spec: MappingSpec, options: DecoderOptions): RecordDecoder {
  const reader = createLineReader(spec.format);
  const time = millisOf(compileExpression(spec.time, reader, 'time'), 'time');
  const arrival =
    spec.arrival === undefined
      ? undefined
      : millisOf(compileExpression(spec.arrival, reader, 'arrival'), 'arrival');
  const filters = (spec.filters ?? []).map(({ name, keep }, i) => ({
    name,
    keep: compileCondition(keep, reader, `filters.${i}.keep`),
  }));
  const makers = spec.events.map((event, i) => ({
    make: compileEvent(event, reader, `events.${i}`),
    fields: `events.${i}.fields`,
    once: event.once === true,
  }));
  const place = createPlacer(options);

  // Lines come nearly in order of time: the day before is nearly always the day again.
  let known = { day: '', startMs: Number.NaN };
  function dayAt(ms: number): typeof known {
    if (ms >= known.startMs && ms < known.startMs + DAY_MS) return known;
    const day = dayOf(ms, options.utcOffsetMinutes);
    return (known = { day, startMs: dayStartMs(day, options.utcOffsetMinutes) });
  }

  /** When an event arrived: as the mapping says, else the source, else when it happened. */
  function arrivalOf(context: LineContext, record: ReadRecord, happenedMs: number): number {
    if (arrival !== undefined) return arrival(context);
    return Number.isNaN(record.arrivalMs) ? happenedMs : record.arrivalMs;
  }

  // Arrivals by the mapping and by the source are of two clocks: the one does not stand in for the other.
  const untold = arrival === undefined ? {} : { arrivalMs: Number.NaN };

  /** When a line arrived that is left out. Where the source tells, nothing of it is read for that. */
  function filteredArrival(context: LineContext, record: ReadRecord): { arrivalMs?: number } {
    if (arrival === undefined && !Number.isNaN(record.arrivalMs)) return {};
    try {
      return { arrivalMs: (arrival ?? time)(context) };
    } catch (error) {
      badOf(error);
      return untold;
    }
  }

  function decodeLine(record: ReadRecord): Decoded {
    const line = reader.read(record.value);
    if (line === 'header' || line === 'blank') return { filtered: line, ...untold };
    const context: LineContext = { line, raw: record.value, day: '', dayStartMs: 0 };
    for (const { name, keep } of filters)
      if (!keep(context)) return { filtered: name, ...filteredArrival(context, record) };
    const timeMs = time(context);
    const bad = badTime(timeMs, 'time');
    if (bad !== undefined) return { bad, ...untold };
    const { day, startMs } = dayAt(timeMs);
    context.day = day;
    context.dayStartMs = startMs;
    const lineArrivalMs = arrivalOf(context, record, timeMs);
    const never = badTime(lineArrivalMs);
    if (never !== undefined) return { bad: never, ...untold };
    try {
      const made = makeEvents(context, record, timeMs);
      return made.events === undefined ? { ...made, arrivalMs: lineArrivalMs } : made;
    } catch (error) {
      return { ...badOf(error), arrivalMs: lineArrivalMs };
    }
  }

  function makeEvents(context: LineContext, record: ReadRecord, timeMs: number): Made {
    const events: ArrivedEvent[] = [];
    for (const [entry, { make, fields, once }] of makers.entries()) {
      const wire = make(context, timeMs);
      if (wire === undefined) continue;
      const placed = place(wire);
      const arrivalMs = arrivalOf(context, record, Number(wire['event_time']));
      if (placed.bad !== undefined) {
        const { field, reason } = placed.bad;
        return { bad: { field, reason: `${fields}.${reason}` } };
      }
      const late = badTime(arrivalMs);
      if (late !== undefined) return { bad: late };
      events.push({ ...placed, arrivalMs, entry, ...(once && { once }) });
    }
    return events.length === 0 ? { filtered: 'no event' } : { events };
  }

  return {
    decode(record) {
      try {
        return decodeLine(record);
      } catch (error) {
        return { ...badOf(error), ...untold };
      }
    },
  };
}

function millisOf(expression: Expression, path: string): (context: LineContext) => number {
  return (context) => {
    const cell = expression(context);
    if (typeof cell === 'number') return cell;
    throw new VamoError('EVENT_INVALID', `${path}: must be a time`, { details: { field: path } });
  };
}

/**
 * An id that is the same on every line would make duplicates of all events of a day but one. Only an
 * event that many lines give, and all for one campaign, may have it.
 */
function requireOwnId({ once, fields }: EventSpec, path: string): void {
  const { event_id: id, campaign_id: campaign } = fields;
  if (variesByLine(id) || (once === true && !variesByLine(campaign))) return;
  throw mappingError(
    `${path}.fields.event_id`,
    id,
    'must name a column, as "{bidid}": events of one id are duplicates of each other',
  );
}

function compileEvent(spec: EventSpec, reader: LineReader, path: string): EventMaker {
  const { kind } = spec;
  const rules = EVENT_FIELDS[kind];
  for (const name of Object.keys(spec.fields))
    if (rules[name] === undefined)
      throw mappingError(
        `${path}.fields.${name}`,
        spec.fields[name],
        `is no field of ${kind} events`,
      );
  const fields = Object.entries(rules).flatMap(([name, { type, required }]) => {
    const json = spec.fields[name];
    if (json === undefined && !required) return [];
    if (json === undefined) throw mappingError(`${path}.fields.${name}`, json, 'must be given');
    const where = `${path}.fields.${name}`;
    const of = compileExpression(json, reader, where);
    return [{ name, type, required, of, where }];
  });
  requireOwnId(spec, path);
  const when: Condition =
    spec.when === undefined ? () => true : compileCondition(spec.when, reader, `${path}.when`);

  return (context, timeMs) => {
    if (!when(context)) return undefined;
    const wire: Record<string, unknown> = { v: 1, kind, event_time: timeMs };
    if (kind === 'campaign') {
      // A budget holds from the beginning of its day, whichever line tells it.
      wire['day'] = context.day;
      wire['event_time'] = context.dayStartMs;
    }
    for (const { name, type, required, of, where } of fields) {
      const cell = of(context);
      if (cell !== null || required) wire[name] = fieldValue(cell, type, where);
    }
    return wire;
  };
}
