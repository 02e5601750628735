import { type ArrivedEvent, type RecordDecoder, withoutValues } from '../decode-record.ts';
import { lineBatches } from '../line-batches.ts';

/** A reason why lines gave nothing, how many, and the first of them. */
interface Reason {
  readonly reason: string;
  lines: number;
  readonly firstLine: number;
  readonly text: string;
}

/** What a mapping makes of a sample. lines = accepted + filtered + refused. */
export interface MappingReport {
  lines: number;
  accepted: number;
  filtered: number;
  refused: number;
  /** Events by kind; one that many lines give is counted once. */
  readonly events: Record<string, number>;
  /** The same events by the day that stores them. */
  readonly days: Record<string, number>;
  /** The first rows as they will be stored: money in millionths, values in billionths. */
  readonly rows: (Omit<ArrivedEvent, 'bad'> & { readonly line: number })[];
  readonly filters: Reason[];
  readonly refusals: Reason[];
}

const CHUNK = 1 << 20;
const SHOWN = 160;

/**
 * Decodes a whole sample file, compressed or not, and keeps its first rows and every reason.
 * @throws VamoError INGEST_SOURCE
 */
export async function checkMapping(
  decoder: RecordDecoder,
  path: string,
  rows: number,
): Promise<MappingReport> {
  const report: MappingReport = {
    ...{ lines: 0, accepted: 0, filtered: 0, refused: 0, events: {}, days: {}, rows: [] },
    ...{ filters: [], refusals: [] },
  };
  const once = new Set<string>();
  const reasons = new Map<string, Reason>();

  function because(list: Reason[], reason: string, value: unknown): void {
    const key = `${list === report.filters ? 'f' : 'r'}/${withoutValues(reason)}`;
    const known = reasons.get(key);
    if (known !== undefined) {
      known.lines += 1;
      return;
    }
    const text = String(value).slice(0, SHOWN);
    const found = { reason, lines: 1, firstLine: report.lines, text };
    reasons.set(key, found);
    list.push(found);
  }

  function accept(event: ArrivedEvent): void {
    const { kind, event_id } = event.event;
    const key = `${event.day}/${kind}/${event_id}`;
    if (event.once === true && once.has(key)) return;
    if (event.once === true) once.add(key);
    report.events[kind] = (report.events[kind] ?? 0) + 1;
    report.days[event.day] = (report.days[event.day] ?? 0) + 1;
    if (report.rows.length < rows) report.rows.push({ line: report.lines, ...event });
  }

  for await (const { records } of lineBatches(path, 0, CHUNK))
    for (const record of records) {
      report.lines += 1;
      const decoded = decoder.decode(record);
      if (decoded.filtered !== undefined) {
        report.filtered += 1;
        because(report.filters, decoded.filtered, record.value);
      } else if (decoded.bad !== undefined) {
        report.refused += 1;
        because(report.refusals, decoded.bad.reason, record.value);
      } else {
        report.accepted += 1;
        for (const event of decoded.events ?? []) accept(event);
      }
    }
  return report;
}
