import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRegisteredDecoder } from '../../src/ingest/index.ts';
import type { RegisteredSchema } from '../../src/ingest/registry.ts';
import { createSegmentBuilder } from '../../src/store/index.ts';
import { encodeEvent } from '../../src/contracts/index.ts';
import { outcomeEvent } from '../helpers/ingest-records.ts';
import { AVRO_OUTCOME, AVRO_SCHEMA, framed } from '../helpers/schema-registry.ts';

type Json = Record<string, unknown>;
interface Field {
  readonly name: string;
  readonly type: unknown;
}
const ID = 7;
const record = (fields: readonly Field[]) => ({ type: 'record', name: 'Outcome', fields });

async function decoderOf(schema: object) {
  const registry = {
    schema: () => Promise.resolve(avro.Type.forSchema(schema as avro.Schema) as RegisteredSchema),
  };
  const options = { tasks: new Set(['store', 'cart']), utcOffsetMinutes: 0 };
  const decoder = createRegisteredDecoder('avro', registry, options);
  await decoder.prepare?.([{ offset: 0, arrivalMs: 5, value: framed(ID, Buffer.from('x')) }]);
  return decoder;
}
type Decoder = Awaited<ReturnType<typeof decoderOf>>;

/** A record that lies in larger bytes, as those of Kafka do. */
function placed(message: Buffer, after: Buffer = Buffer.alloc(1024, 2)) {
  const before = Buffer.alloc(3, 0xff);
  const within = Buffer.concat([before, message, after]);
  const [start, end] = [before.length, before.length + message.length];
  return { offset: 0, arrivalMs: 5, value: within.subarray(start, end), within, start, end };
}

/** The stored row of a message by each way; undefined when that way gives none. */
function rows(decoder: Decoder, message: Buffer, after?: Buffer) {
  const one = placed(message, after);
  const [scanned, decoded] = [createSegmentBuilder(), createSegmentBuilder()];
  const found = decoder.scan?.(one);
  if (found !== undefined) scanned.pushScanned(found.outcome, 5, 't', 0, 0);
  const answer = decoder.decode(one);
  if (answer.event !== undefined) decoded.push(answer.event, 5, 't', 0, 0);
  const fileOf = (rowOf: typeof scanned): string => Buffer.from(rowOf.finish()).toString('hex');
  return {
    scanned: found && { day: found.day, file: fileOf(scanned) },
    decoded: answer.event && { day: answer.day, file: fileOf(decoded) },
  };
}

const plain = (over: Json = {}): Json => ({
  pv_sigma: 0,
  shown: 0,
  competing_1: 0,
  competing_2: 0,
  competing_3: 0,
  model_version: '',
  ...(encodeEvent(outcomeEvent()) as unknown as Json),
  ...over,
});
const bytesOf = (schema: object, value: Json): Buffer =>
  framed(ID, avro.Type.forSchema(schema as avro.Schema).toBuffer(value));

/** Types that a field of each name may be given, by what its values are. */
const TEXT = ['string', ['null', 'string'], ['string', 'null']];
const NUMBER = ['double', 'float', ['null', 'double'], ['null', 'float'], 'long'];
const WHOLE = ['int', 'long', 'double', ['null', 'int'], ['long', 'null']];
const TYPES: Record<string, readonly unknown[]> = {
  v: ['int', 'long', 'double'],
  kind: ['string', { type: 'enum', name: 'Kind', symbols: ['cart', 'outcome'] }],
  event_time: WHOLE,
  slot: WHOLE,
  shown: WHOLE,
  exposed: ['boolean', ['null', 'boolean']],
  ...Object.fromEntries(
    ['event_id', 'campaign_id', 'auction_id', 'task', 'model_version'].map((n) => [n, TEXT]),
  ),
  ...Object.fromEntries(
    ['pv', 'pv_sigma', 'bid', 'cost', 'competing_1', 'competing_2', 'competing_3'].map((n) => [
      n,
      NUMBER,
    ]),
  ),
};
const EXTRA: readonly Field[] = [
  { name: 'note', type: 'string' },
  { name: 'level', type: { type: 'enum', name: 'Level', symbols: ['a', 'b'] } },
  { name: 'weight', type: ['null', 'double'] },
  { name: 'flag', type: 'boolean' },
  { name: 'raw', type: 'bytes' },
  { name: 'nothing', type: 'null' },
  { name: 'half', type: 'float' },
  { name: 'digest', type: { type: 'fixed', name: 'Digest', size: 5 } },
  { name: 'page', type: { ...record([{ name: 'url', type: 'string' }]), name: 'Page' } },
  { name: 'tags', type: { type: 'array', items: ['null', 'string'] } },
  { name: 'none', type: { type: 'array', items: 'null' } },
  { name: 'counts', type: { type: 'map', values: 'long' } },
  { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'mixed', type: ['null', 'int', 'double'] },
];
const EXTRA_VALUES: Json = {
  note: 'añb',
  level: 'b',
  weight: 1.5,
  flag: true,
  raw: Buffer.from('xyz'),
  nothing: null,
  half: 0.5,
  digest: Buffer.from('12345'),
  page: { url: 'u' },
  tags: ['a', null, 'b'],
  none: [null, null],
  counts: { a: 1, b: -(2 ** 50) },
  at: 1_700_000_000_000,
  mixed: { double: 0.25 },
};

const anySchema = fc
  .tuple(
    ...Object.entries(TYPES).map(([name, types]) =>
      fc.constantFrom(...types).map((type): Field => ({ name, type })),
    ),
    ...EXTRA.map((field) => fc.option(fc.constant(field), { nil: undefined })),
  )
  .chain((fields) =>
    fc.shuffledSubarray(fields, { minLength: fields.length, maxLength: fields.length }),
  )
  .map((fields) => record(fields.filter((field) => field !== undefined)));

const text = fc.oneof(
  { weight: 20, arbitrary: fc.stringMatching(/^[!-~]{1,12}$/) },
  { weight: 1, arbitrary: fc.constantFrom('', 'é', 'a b', 'x'.repeat(129), 'x'.repeat(128)) },
);
const money = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 7000, max: 10_000_000 }).map((n) => n / 10_000) },
  { weight: 1, arbitrary: fc.constantFrom(-0, -1, 1e300, Number.NaN, 9e9 + 1, 0.1) },
);
const over = fc.record(
  {
    event_id: text,
    model_version: text,
    task: fc.constantFrom('store', 'store', 'cart', 'cart', 'gmv'),
    kind: fc.constantFrom('outcome', 'outcome', 'outcome', 'outcome', 'cart'),
    event_time: fc.oneof(
      { weight: 5, arbitrary: fc.nat(2 ** 31 - 1) },
      { weight: 1, arbitrary: fc.constantFrom(-1, 8_640_000_000_000, 2 ** 53 - 1) },
    ),
    pv: money,
    bid: money,
    slot: fc.constantFrom(1, 1, 1, 2, 3, 3, 0, 4, -1),
    shown: fc.constantFrom(0, 3),
    cost: money,
    competing_1: money,
  },
  { requiredKeys: [] },
);
const left = fc.subarray(Object.keys(TYPES), { maxLength: 1 });

/** Whether the byte is the one that says whether the outcome was exposed. */
function isFlag(message: Buffer, at: number, type: avro.Type): boolean {
  const changed = Buffer.from(message);
  changed[at] = 0;
  try {
    const { exposed } = type.fromBuffer(changed.subarray(5)) as { exposed: boolean };
    return !exposed;
  } catch {
    return false;
  }
}

describe('scan of Avro', () => {
  it('stores what the decoder stores, or leaves the record to it', () => {
    const seen = { scanned: 0, decoded: 0, bad: 0 };
    // Several by one decoder: what one has must not be seen in the next.
    const messages = fc.array(fc.tuple(over, left), { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(anySchema, messages, async (schema, several) => {
      const type = avro.Type.forSchema(schema as avro.Schema);
      const decoder = await decoderOf(schema);
      for (const [change, absent] of several) {
        const value: Json = { ...EXTRA_VALUES, ...plain(change) };
        for (const name of absent) value[name] = null;
        if (!type.isValid(value)) continue;
        const { scanned, decoded } = rows(decoder, framed(ID, type.toBuffer(value)));
        if (scanned !== undefined) expect(scanned).toEqual(decoded);
        seen.scanned += Number(scanned !== undefined);
        seen.decoded += Number(scanned === undefined && decoded !== undefined);
        seen.bad += Number(decoded === undefined);
      }
    });
    return fc.assert(property, { numRuns: 600 }).then(() => {
      expect(seen.scanned).toBeGreaterThan(50);
      expect(seen.bad).toBeGreaterThan(50);
      // What is good and of a type that is read is never left to the slower way.
      expect(seen.decoded).toBe(0);
    });
  });

  it('leaves every damaged message to the decoder, or agrees with it', async () => {
    const decoder = await decoderOf(AVRO_OUTCOME);
    const message = bytesOf(AVRO_OUTCOME, plain({ model_version: 'v7' }));
    expect(rows(decoder, message).scanned).toBeDefined();
    for (let end = 0; end < message.length; end++) {
      // What follows would complete it, but belongs to another record.
      expect(rows(decoder, message.subarray(0, end), message.subarray(end)).scanned).toBe(
        undefined,
      );
    }
    let agreed = 0;
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const damaged = Buffer.from(message);
        damaged[at] = byte;
        const { scanned, decoded } = rows(decoder, damaged);
        if (scanned === undefined) return;
        agreed += 1;
        expect(scanned).toEqual(decoded);
      }),
      { numRuns: 3000 },
    );
    expect(agreed).toBeGreaterThan(100);
  });

  it('reads the outcomes among the events of one schema, and those alone', async () => {
    const decoder = await decoderOf(AVRO_SCHEMA);
    const all = Object.fromEntries(AVRO_SCHEMA.fields.map(({ name }) => [name, null]));
    const of = (value: Json) =>
      rows(decoder, bytesOf(AVRO_SCHEMA, { ...all, note: 'n', ...value }));
    const { scanned, decoded } = of(plain());
    expect(scanned).toBeDefined();
    expect(scanned).toEqual(decoded);
    const cart = { v: 1, kind: 'cart', event_id: 'e', event_time: 5, campaign_id: 'c' };
    const other = of({ ...cart, outcome_id: 'o', items: 2 });
    expect(other.scanned).toBe(undefined);
    expect(other.decoded).toBeDefined();
  });

  it('forgets what a message before it had', async () => {
    const optional = AVRO_OUTCOME.fields
      .map(({ name }) => name)
      .filter((name) => /^(pv_sigma|shown|competing_\d|model_version)$/.test(name));
    const schema = record(
      AVRO_OUTCOME.fields.map(({ name, type }) => ({
        name,
        type: optional.includes(name) ? ['null', type] : type,
      })),
    );
    const decoder = await decoderOf(schema);
    const full = plain({ pv_sigma: 0.5, model_version: 'v7' });
    const bare = { ...full, ...Object.fromEntries(optional.map((name) => [name, null])) };
    for (const value of [full, bare, full]) {
      const { scanned, decoded } = rows(decoder, bytesOf(schema, value));
      expect(scanned).toBeDefined();
      expect(scanned).toEqual(decoded);
    }
  });

  it('leaves a time of arrival that cannot be kept, and odd booleans, to the decoder', async () => {
    const decoder = await decoderOf(AVRO_OUTCOME);
    // Nothing else of it would tell that it was not exposed.
    const message = bytesOf(AVRO_OUTCOME, plain({ cost: 0, shown: 0 }));
    const one = placed(message);
    expect(decoder.scan?.(one)).toBeDefined();
    expect(decoder.scan?.({ ...one, arrivalMs: -1 })).toBe(undefined);
    const type = avro.Type.forSchema(AVRO_OUTCOME as avro.Schema);
    const { decoded } = rows(decoder, message);
    const flag = message.findIndex((byte, at) => byte === 1 && isFlag(message, at, type));
    expect(flag).toBeGreaterThan(5);
    for (const byte of [2, 255]) {
      const odd = Buffer.from(message);
      odd[flag] = byte;
      expect(rows(decoder, odd)).toEqual({ scanned: undefined, decoded });
    }
  });

  it.each([
    ['a union whose values are wrapped', { name: 'pv', type: ['int', 'double'] }, {}],
    [
      'an enumeration for a text',
      { name: 'task', type: { type: 'enum', name: 'T', symbols: ['store'] } },
      {},
    ],
    ['null alone for a field', { name: 'pv_sigma', type: 'null' }, { pv_sigma: null }],
  ] as const)('leaves a schema with %s to the decoder', async (_, field, more) => {
    const fields = [...AVRO_OUTCOME.fields.filter(({ name }) => name !== field.name), field];
    const schema = record(fields);
    const type = avro.Type.forSchema(schema as avro.Schema);
    const wrapped = field.name === 'pv' ? { pv: { double: 0.5 } } : {};
    const value = { ...plain(), ...wrapped, ...more };
    expect(type.isValid(value)).toBe(true);
    expect(rows(await decoderOf(schema), framed(ID, type.toBuffer(value))).scanned).toBe(undefined);
  });
});
