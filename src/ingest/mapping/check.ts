import { type ArrivedEvent, type DecoderOptions, withoutValues } from '../decode-record.ts';
import { lineBatches } from '../line-batches.ts';
import { compileMapping } from './compile.ts';
import type { MappingSpec } from './spec.ts';

/** A reason why lines gave nothing, how many, and the first of them. */
interface Reason {
  readonly reason: string;
  lines: number;
  readonly firstLine: number;
  readonly text: string;
}

/** What a mapping makes of a sample. lines = accepted + repeated + filtered + refused. */
export interface MappingReport {
  lines: number;
  accepted: number;
  /** Lines that gave only events (`once`) that a line before gave: no row. */
  repeated: number;
  filtered: number;
  refused: number;
  /** Events by kind; one that many lines give is counted once. */
  readonly events: Record<string, number>;
  /** Of these events those that a seal keeps: others have the id of one of their kind and day. */
  readonly distinct: Record<string, number>;
  /** Entries of the mapping that gave no event: `events.1 (outcome)`. */
  silent: string[];
  /** The same events by the day that stores them. */
  readonly days: Record<string, number>;
  /** The first rows as they will be stored: money in millionths, values in billionths. */
  readonly rows: (Omit<ArrivedEvent, 'bad' | 'entry'> & { readonly line: number })[];
  readonly filters: Reason[];
  readonly refusals: Reason[];
}

const CHUNK = 1 << 20;
const SHOWN = 160;
/** Ids of a kind and day that are told apart: 400 MB. Those beyond count as new. */
const MOST_IDS = 4_000_000;

/**
 * Decodes a whole sample file, compressed or not, and keeps its first rows and every reason.
 * @throws VamoError MAPPING_INVALID, INGEST_SOURCE
 */
export async function checkMapping(
  spec: MappingSpec,
  options: DecoderOptions,
  path: string,
  rows: number,
): Promise<MappingReport> {
  const report: MappingReport = {
    ...{ lines: 0, accepted: 0, repeated: 0, filtered: 0, refused: 0 },
    ...{ events: {}, distinct: {}, silent: [], days: {}, rows: [], filters: [], refusals: [] },
  };
  const decoder = compileMapping(spec, options);
  const heard = new Set<number>();
  /** By kind and day. */
  const ids = new Map<string, Set<string>>();
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

  function isNew({ day, event: { kind, event_id: id } }: ArrivedEvent): boolean {
    const key = `${kind}/${day}`;
    const known = ids.get(key) ?? new Set();
    ids.set(key, known);
    if (known.has(id)) return false;
    if (known.size < MOST_IDS) known.add(id);
    return true;
  }

  /** False for a copy of an event that many lines give. */
  function accept(arrived: ArrivedEvent): boolean {
    const { entry, ...row } = arrived;
    const { kind } = row.event;
    const isFirst = isNew(arrived);
    if (row.once === true && !isFirst) return false;
    heard.add(entry);
    report.events[kind] = (report.events[kind] ?? 0) + 1;
    report.distinct[kind] = (report.distinct[kind] ?? 0) + (isFirst ? 1 : 0);
    report.days[row.day] = (report.days[row.day] ?? 0) + 1;
    if (report.rows.length < rows) report.rows.push({ line: report.lines, ...row });
    return true;
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
        const given = (decoded.events ?? []).filter(accept);
        if (given.length > 0) report.accepted += 1;
        else report.repeated += 1;
      }
    }
  report.silent = spec.events.flatMap(({ kind }, i) =>
    heard.has(i) ? [] : [`events.${i} (${kind})`],
  );
  return report;
}
