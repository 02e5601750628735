import { mappingError } from './spec.ts';

/** Milliseconds since 1970 UTC of a cell; NaN when it is no time of the format. */
export type TimeParser = (cell: string | number) => number;

const UNITS: Readonly<Record<string, number>> = { epoch_s: 1000, epoch_ms: 1, epoch_us: 0.001 };
const FIELDS = ['yyyy', 'MM', 'dd', 'HH', 'mm', 'ss', 'SSS'] as const;
type Field = (typeof FIELDS)[number];
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?$/;

/** Minutes east of UTC. @throws VamoError MAPPING_INVALID */
function zoneMinutes(zone: unknown, path: string): number {
  const found = typeof zone === 'string' ? /^([+-])(\d{2}):(\d{2})$/.exec(zone) : null;
  const minutes = Number(found?.[2]) * 60 + Number(found?.[3]);
  if (zone === 'Z') return 0;
  if (found === null || minutes > 840 || Number(found[3]) > 59)
    throw mappingError(path, zone, 'must be an offset from UTC, as "+08:00" or "Z"');
  return found[1] === '-' ? -minutes : minutes;
}

/**
 * A parser of times: `epoch_s`, `epoch_ms`, `epoch_us`, `iso`, or a pattern of yyyy MM dd HH mm ss SSS
 * and other characters that stand for themselves. Texts without a zone are of `zone`.
 * @throws VamoError MAPPING_INVALID
 */
export function timeParser(format: unknown, zone: unknown, path: string): TimeParser {
  if (typeof format !== 'string')
    throw mappingError(`${path}.time`, format, 'must be a format, as "iso" or "yyyyMMddHHmmssSSS"');
  const unit = UNITS[format];
  if (unit !== undefined)
    return (cell) => {
      const number = typeof cell === 'number' || /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : NaN;
      return Math.round(number * unit);
    };
  if (format === 'iso') {
    const shiftMs = zone === undefined ? undefined : zoneMinutes(zone, `${path}.zone`) * 60_000;
    return (cell) => isoMs(String(cell), shiftMs);
  }
  return patternParser(format, zoneMinutes(zone, `${path}.zone`), `${path}.time`);
}

function isoMs(text: string, shiftMs: number | undefined): number {
  const [, day = '', time = '', zone] = ISO.exec(text) ?? [];
  if (day === '') return Number.NaN;
  if (zone !== undefined) return Date.parse(`${day}T${time}${zone}`);
  return shiftMs === undefined ? Number.NaN : Date.parse(`${day}T${time}Z`) - shiftMs;
}

interface Place {
  readonly at: number;
  readonly length: number;
}

function patternParser(pattern: string, zone: number, path: string): TimeParser {
  const place = (field: Field): Place | undefined => {
    const at = pattern.indexOf(field);
    return at < 0 ? undefined : { at, length: field.length };
  };
  const places = FIELDS.map(place);
  const [year, month, day] = places;
  if (!year || !month || !day)
    throw mappingError(path, pattern, 'must hold at least yyyy, MM and dd, or be iso or epoch_ms');
  const isDigit = (at: number): boolean =>
    places.some((p) => p !== undefined && at >= p.at && at < p.at + p.length);
  const signs = Array.from(pattern, (sign, at) => (isDigit(at) ? undefined : sign));

  const digits = (text: string, { at, length }: Place): number => {
    let value = 0;
    for (let i = at; i < at + length; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (!(digit >= 0 && digit <= 9)) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  };
  return (cell) => {
    const text = String(cell);
    if (text.length !== pattern.length) return Number.NaN;
    if (signs.some((sign, at) => sign !== undefined && text[at] !== sign)) return Number.NaN;
    const [y = 0, M = 0, d = 0, H = 0, m = 0, s = 0, S = 0] = places.map((p) =>
      p === undefined ? 0 : digits(text, p),
    );
    const days = Date.UTC(y, M - 1, d);
    // The calendar has no 30 February, the clock no hour 24: such times would be taken for others.
    const isDate = new Date(days).getUTCDate() === d && M >= 1 && M <= 12;
    if (!isDate || H > 23 || m > 59 || s > 59) return Number.NaN;
    return days + ((H * 60 + m - zone) * 60 + s) * 1000 + S;
  };
}
