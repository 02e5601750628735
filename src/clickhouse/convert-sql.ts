import { basename, dirname, resolve } from 'node:path';
import { EVENT_COLUMNS, MICRO, NANO } from '../contracts/index.ts';
import { identifier, integer, literal } from './sql-text.ts';

/** Columns whose whole numbers are parts of a unit: what the wire form gives as decimals. */
const UNITS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['budget', 'cpa_limit', 'bid', 'cost', 'competing_1', 'competing_2', 'competing_3'].map(
      (name) => [name, MICRO],
    ),
  ),
  gmv: MICRO,
  direct_gmv: MICRO,
  pv: NANO,
  pv_sigma: NANO,
};

/**
 * Reads a columnar file of events, its columns those of EVENT_COLUMNS and in their units (others are
 * passed over, missing ones are 0 or ''), and writes it as lines of JSON events in the file's order.
 * A column `day` says which day a campaign event is for; without it that is the day of its time.
 */
export function convertToEvents(options: {
  readonly from: string;
  readonly format: 'Arrow' | 'Parquet';
  readonly to: string;
  readonly utcOffsetMinutes: number;
}): string {
  const source = resolve(options.from);
  const columns = Object.entries(EVENT_COLUMNS)
    .map(([name, type]) => `${identifier(name)} Nullable(${type === 'text' ? 'String' : 'Int64'})`)
    .join(', ');
  const fields = Object.entries(EVENT_COLUMNS).map(([name, type]) => {
    if (name === 'arrival_ms')
      return 'ifNull(rows.arrival_ms, ifNull(rows.event_time, 0)) AS arrival_ms';
    if (name === 'exposed') return "CAST(ifNull(rows.exposed, 0) != 0, 'Bool') AS exposed";
    const plain = `ifNull(rows.${name}, ${type === 'text' ? "''" : '0'})`;
    const unit = UNITS[name];
    return `${unit === undefined ? plain : `${plain} / ${unit}`} AS ${name}`;
  });
  const local = `ifNull(rows.event_time, 0) + ${integer(options.utcOffsetMinutes * 60_000)}`;
  return `INSERT INTO FUNCTION file(${literal(resolve(options.to))}, JSONEachRow)
  SELECT 1 AS v, ${fields.join(', ')},
    if(ifNull(rows.day, '') != '', rows.day,
      toString(toDate(fromUnixTimestamp64Milli(${local}, 'UTC')))) AS day
  FROM file(${literal(`${dirname(source)}/${basename(source)}`)}, ${options.format},
    ${literal(`${columns}, day Nullable(String)`)}) AS rows
  SETTINGS max_threads = 1, input_format_parquet_preserve_order = 1,
    output_format_json_quote_64bit_integers = 0, engine_file_truncate_on_insert = 1`;
}
