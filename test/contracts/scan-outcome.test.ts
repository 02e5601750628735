import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createOutcomeScanner,
  decodeEvent,
  encodeEvent,
  NUMBER_OF,
  SPAN_OF,
} from '../../src/contracts/index.ts';
import { outcomeEvent } from '../helpers/ingest-records.ts';

const scan = createOutcomeScanner();

/** The scanned fields by name; undefined when the scanner leaves the record to the decoder. */
function scanned(json: string, before = '', after = ''): Record<string, unknown> | undefined {
  const bytes = Buffer.from(before + json + after);
  const start = Buffer.byteLength(before);
  const found = scan(bytes, start, start + Buffer.byteLength(json));
  if (found === undefined) return undefined;
  const fields: Record<string, unknown> = {};
  for (const [name, at] of Object.entries(SPAN_OF))
    fields[name] = bytes.toString('latin1', found.spans[at], found.spans[at + 1]);
  for (const [name, at] of Object.entries(NUMBER_OF)) fields[name] = found.numbers[at];
  return fields;
}

/** The same fields by the decoder; undefined when the event is bad or no outcome. */
function decoded(json: string): Record<string, unknown> | undefined {
  try {
    const { kind, exposed, ...fields } = decodeEvent(JSON.parse(json)) as unknown as Record<
      string,
      unknown
    >;
    return kind === 'outcome' ? { ...fields, exposed: exposed === true ? 1 : 0 } : undefined;
  } catch {
    return undefined;
  }
}

const identifier = fc.string({
  unit: fc.integer({ min: 33, max: 126 }).map((c) => String.fromCharCode(c)),
  minLength: 1,
  maxLength: 128,
});
const money = fc.oneof(
  { weight: 30, arbitrary: fc.nat(10_000_000).map((n) => n / 10_000) },
  { weight: 1, arbitrary: fc.double({ min: 0, max: 1e6, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 9e9, 9e9 + 1, 1e-7, 1e21, 123456789012345.6) },
);
const wire = fc.record(
  {
    v: fc.constantFrom(1, 1, 1, 2),
    kind: fc.constantFrom('outcome', 'outcome', 'outcome', 'cart'),
    event_id: identifier,
    event_time: fc.oneof(
      fc.nat(2 ** 31).map((n) => n * 4000),
      fc.constantFrom(-1, 1.5, 9e15),
    ),
    campaign_id: identifier,
    auction_id: fc.oneof(identifier, fc.string()),
    task: identifier,
    pv: money,
    bid: money,
    slot: fc.integer({ min: 0, max: 4 }),
    exposed: fc.boolean(),
    cost: fc.oneof(fc.constant(0), money),
    pv_sigma: money,
    shown: fc.integer({ min: 0, max: 3 }),
    competing_1: money,
    competing_2: fc.oneof(fc.constant(0), fc.constant(0), money),
    competing_3: fc.constant(0),
    model_version: fc.string({ maxLength: 5 }),
  },
  {
    requiredKeys: [
      'v',
      'kind',
      'event_id',
      'event_time',
      'campaign_id',
      'auction_id',
      'task',
      'pv',
    ],
  },
);

describe('outcome scanner', () => {
  it('reads a plain outcome whatever its members order, spaces and neighbours', () => {
    const event = outcomeEvent({ model_version: 'v7', competing_3: 100_001 });
    const json = JSON.stringify(encodeEvent(event));
    const wanted = decoded(json);
    expect(wanted).toBeDefined();
    expect(scanned(json)).toEqual(wanted);
    const members = Object.entries(JSON.parse(json) as object).reverse();
    const other = `{ ${members.map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`).join(', ')} }`;
    expect(scanned(other, '{"v":1,', ',"v":1}')).toEqual(wanted);
  });

  it('says what the decoder says, or nothing', () => {
    let answers = 0;
    fc.assert(
      fc.property(wire, (event) => {
        const json = JSON.stringify(event);
        const found = scanned(json);
        if (found === undefined) return;
        answers += 1;
        expect(found).toEqual(decoded(json));
      }),
      { numRuns: 3000 },
    );
    expect(answers).toBeGreaterThan(30);
  });

  it('leaves every damaged text that is no JSON or no event to the decoder', () => {
    const json = JSON.stringify(encodeEvent(outcomeEvent({ model_version: 'v7' })));
    for (let end = 0; end < json.length; end++) {
      // What follows would complete it, but belongs to another record.
      expect(scanned(json.slice(0, end), '', json.slice(end))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.nat(json.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = Buffer.from(json);
        bytes[at] = byte;
        const text = bytes.toString('latin1');
        const found = scan(bytes, 0, bytes.length);
        if (found !== undefined) expect(scanned(text)).toEqual(decoded(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('leaves what is not plain to the decoder', () => {
    const json = JSON.stringify(encodeEvent(outcomeEvent()));
    const cases = [
      json.replace('"o-1"', '"o\\u002d1"'),
      json.replace('"slot":1', '"slot":1e0'),
      json.replace('"slot":1', '"slot":01'),
      json.replace('"slot":1', '"slot":1.'),
      json.replace('{', '{"more":{},'),
      `${json} `,
      json.replace('"exposed":true', '"exposed":1'),
    ];
    for (const text of cases) {
      expect(text).not.toBe(json);
      expect(scanned(text)).toBeUndefined();
    }
  });
});
