import { createOutcomeScanner } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import {
  badTime,
  badOf,
  createPlacer,
  createScanPlacer,
  type DecoderOptions,
  type RecordDecoder,
} from './decode-record.ts';

/**
 * The value of a record of JSON: of bytes, of text, or as it is when it was parsed already.
 * @throws VamoError EVENT_INVALID
 */
function parseJson(value: unknown): unknown {
  const isBytes = value instanceof Uint8Array;
  if (typeof value !== 'string' && !isBytes) return value;
  try {
    return JSON.parse(isBytes ? latin1(value) : value) as unknown;
  } catch {
    throw new VamoError('EVENT_INVALID', 'not JSON', { details: { field: 'value' } });
  }
}

/**
 * One character a byte, which is cheaper to make and to parse than UTF-8. The events are the same:
 * bytes above 127 are no part of JSON's own signs, and no field that is read may hold any.
 */
function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
  return buffer.toString('latin1');
}

/** Reads outcomes of configured tasks from where they lie. */
function createScan(options: DecoderOptions): NonNullable<RecordDecoder['scan']> {
  const scan = createOutcomeScanner();
  const place = createScanPlacer(options);
  return ({ arrivalMs, within, start = -1, end = -1 }) => {
    if (within === undefined || start < 0 || badTime(arrivalMs) !== undefined) return undefined;
    const outcome = scan(within, start, end);
    return outcome && place(outcome);
  };
}

/** Events as JSON, version 1 (docs/events.md). */
export function createJsonDecoder(options: DecoderOptions): RecordDecoder {
  const place = createPlacer(options);
  return {
    scan: createScan(options),
    decode(record) {
      const bad = badTime(record.arrivalMs);
      if (bad !== undefined) return { bad };
      try {
        return place(parseJson(record.value));
      } catch (error) {
        return badOf(error);
      }
    },
  };
}
