import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import avro from 'avsc';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/index.ts';
import { deadLetter, readRaw } from '../../src/ingest/dead-letter.ts';
import type { RegisteredSchema } from '../../src/ingest/registry.ts';
import {
  createIngester,
  createJsonDecoder,
  createRegisteredDecoder,
  openRegistry,
  type EventSource,
} from '../../src/ingest/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { makeRecords, outcomeEvent, recordOf } from '../helpers/ingest-records.ts';
import { committedDeadLetters, committedRows } from '../helpers/ingest-rows.ts';
import {
  AVRO_OUTCOME,
  AVRO_SCHEMA,
  framed,
  PROTOBUF_SCHEMA,
  startRegistry,
} from '../helpers/schema-registry.ts';

type Json = Record<string, unknown>;
const withField = (schema: typeof AVRO_OUTCOME, name: string, type: unknown) => ({
  ...schema,
  fields: schema.fields.map((field) => (field.name === name ? { name, type } : field)),
});
const SCHEMAS = {
  1: { schema: JSON.stringify(AVRO_SCHEMA) },
  2: { schema: JSON.stringify(AVRO_OUTCOME) },
  3: { schema: JSON.stringify(withField(AVRO_OUTCOME, 'bid', 'string')) },
  4: { schema: PROTOBUF_SCHEMA, schemaType: 'PROTOBUF' },
  5: { schema: PROTOBUF_SCHEMA.replace('double bid =', 'string bid ='), schemaType: 'PROTOBUF' },
  6: { schema: '{"type":"object"}', schemaType: 'JSON' },
  7: { schema: 'not a schema' },
} as const;
const avroType = (id: 1 | 2 | 3) =>
  avro.Type.forSchema(JSON.parse(SCHEMAS[id].schema) as avro.Schema);
const message = protobuf.parse(PROTOBUF_SCHEMA, { keepCase: true }).root.lookupType('ads.Event');

/** As a producer would: fields a kind does not have are null. */
function avroBytes(id: 1 | 2 | 3, over: Json): Buffer {
  const fields = id === 1 ? AVRO_SCHEMA.fields : AVRO_OUTCOME.fields;
  const all = Object.fromEntries(fields.map(({ name }) => [name, name === 'note' ? 'x' : null]));
  return framed(id, avroType(id).toBuffer({ ...all, ...over }));
}
const protobufBytes = (id: number, json: Json, index = [0]): Buffer =>
  framed(id, Buffer.concat([Buffer.from(index), message.encode(message.create(json)).finish()]));

const textBid = (json: Json): Uint8Array => {
  const type = protobuf.parse(SCHEMAS[5].schema, { keepCase: true }).root.lookupType('ads.Event');
  return type.encode(type.create(json)).finish();
};

const wire = JSON.parse(recordOf(outcomeEvent()).value) as Json;
const options = { tasks: new Set(['store', 'cart']), utcOffsetMinutes: 0 };
const json = createJsonDecoder(options);
let registry: Awaited<ReturnType<typeof startRegistry>>;
beforeEach(async () => (registry = await startRegistry(SCHEMAS)));
afterEach(() => registry.close());

async function decoderOf(
  format: 'avro' | 'protobuf',
  auth?: { username: string; password: string },
) {
  const decoder = createRegisteredDecoder(
    format,
    await openRegistry({ url: registry.url, auth }),
    options,
  );
  const decode = async (value: Buffer | string | null) => {
    const record = { offset: 0, arrivalMs: 5, value };
    await decoder.prepare?.([record]);
    return decoder.decode(record);
  };
  return { decoder, decode };
}

describe.each(['avro', 'protobuf'] as const)('%s with a registry', (format) => {
  const encode = (event: Json): Buffer =>
    format === 'avro' ? avroBytes(1, event) : protobufBytes(4, event);

  it('decodes every kind as JSON is decoded, and asks for a schema once', async () => {
    const { decode } = await decoderOf(format);
    const { records, good } = makeRecords(300);
    for (const i of good) {
      const { value } = records[i]!;
      const event = JSON.parse(value) as Json;
      expect(await decode(encode(event))).toEqual(json.decode({ offset: 0, arrivalMs: 5, value }));
    }
    expect(registry.state.requests).toHaveLength(1);
  });

  it('calls a field of a changed type bad, and takes the next good record', async () => {
    const { decode } = await decoderOf(format);
    const changed = { ...wire, bid: '1.5' };
    const value =
      format === 'avro' ? avroBytes(3, changed) : framed(5, Buffer.from([0, ...textBid(changed)]));
    expect((await decode(value)).bad?.reason).toBe('bid: must be a number from 0 to 9000000000');
    expect((await decode(encode(wire))).event).toEqual(outcomeEvent());
  });

  it.each([
    ['a tombstone', null, /does not begin with a zero/],
    ['JSON', Buffer.from('{"v":1,"kind":"cart"}'), /does not begin with a zero/],
    ['a header alone', framed(1, Buffer.alloc(0)), /does not begin with a zero/],
    ['an unknown schema', framed(99, Buffer.from('abc')), /schema 99 is not in the registry/],
    ['a schema of JSON', framed(6, Buffer.from('abc')), /not of source\.format/],
    ['a broken schema', framed(7, Buffer.from('abc')), /schema 7 cannot be used/],
    [
      'the other format',
      format === 'avro' ? protobufBytes(4, wire) : avroBytes(1, wire),
      /not of source\.format/,
    ],
  ])('calls %s bad', async (_, value, reason) => {
    const { decode } = await decoderOf(format);
    expect((await decode(value)).bad?.reason).toMatch(reason);
  });

  it('says that bytes are no message of their schema', async () => {
    const { decode } = await decoderOf(format);
    const whole = encode(wire);
    expect((await decode(whole.subarray(0, whole.length - 40))).bad).toMatchObject({
      field: 'value',
      reason: expect.stringMatching(/is no message of schema/) as string,
    });
  });

  it('waits for a registry that fails, and goes on when it answers', async () => {
    const { decode } = await decoderOf(format);
    registry.state.mood = 'fails';
    const refused = decode(encode(wire));
    await expect(refused).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retriable: true });
    registry.state.mood = 'answers';
    expect((await decode(encode(wire))).event).toEqual(outcomeEvent());
    registry.state.mood = 'fails';
    expect((await decode(encode(wire))).event).toEqual(outcomeEvent());
  });
});

describe('avro', () => {
  const lists = (items: unknown) => ({
    ...AVRO_OUTCOME,
    fields: [{ name: 'tags', type: { type: 'array', items } }, ...AVRO_OUTCOME.fields],
  });
  const reading = async (schema: object) => {
    const type = avro.Type.forSchema(schema as avro.Schema);
    const found = type as unknown as RegisteredSchema;
    const decoder = createRegisteredDecoder(
      'avro',
      { schema: () => Promise.resolve(found) },
      options,
    );
    await decoder.prepare?.([{ offset: 0, arrivalMs: 5, value: framed(1, Buffer.from('x')) }]);
    const decode = (bytes: Uint8Array) =>
      decoder.decode({ offset: 0, arrivalMs: 5, value: framed(1, bytes) });
    return { type, decode };
  };
  const long = (value: number): Buffer => avro.Type.forSchema('long').toBuffer(value);

  it.each(['int', 'null'])('takes lists of %s, and not what they claim to hold', async (items) => {
    const { type, decode } = await reading(lists(items));
    const tags = items === 'int' ? [1, 2, 3] : [null, null];
    const value = { ...wire, pv_sigma: 0, competing_3: 0, model_version: '', tags };
    const message = type.toBuffer(value);
    expect(decode(message).event).toEqual(outcomeEvent());
    // The size in bytes may stand before the items.
    const block = message.subarray(0, items === 'int' ? 4 : 1);
    const sized = [long(-tags.length), long(block.length - 1), message.subarray(1)];
    expect(decode(Buffer.concat(sized)).event).toEqual(outcomeEvent());
    // Made as claimed these would take more memory than there is.
    const one = Buffer.concat([long(1), items === 'int' ? long(0) : Buffer.alloc(0)]);
    for (const claim of [long(2e9), Buffer.concat([long(-2e9), long(1)])]) {
      const lying = Buffer.concat([one, claim, Buffer.alloc(8, 2)]);
      expect(decode(lying).bad?.reason).toMatch(/is no message of schema 1: cut off/);
    }
  });

  it('reads a dead letter whose bytes happened to be text', async () => {
    const { decode } = await decoderOf('avro');
    const zeros = Object.fromEntries(
      AVRO_OUTCOME.fields.filter(({ type }) => type === 'double').map(({ name }) => [name, 0]),
    );
    const lost = { ...wire, ...zeros, exposed: false, slot: 0, model_version: '', event_time: 1 };
    const record = { offset: 0, arrivalMs: 5, value: avroBytes(2, lost) };
    const place = { topic: 't', partition: 0, arrival_ms: 5 };
    const { value, encoding } = deadLetter(record, { field: 'value', reason: '' }, place);
    expect([value, encoding]).toEqual([record.value.toString(), undefined]);
    expect((await decode(readRaw(value, encoding))).event?.event_time).toBe(1);
  });
});

/** A partition in memory; what the handler does not take is handed out again. */
function memorySource(values: readonly Buffer[]): EventSource {
  return {
    topic: 'events',
    identity: () =>
      Promise.resolve({
        schema: 'source/v1',
        kind: 'kafka',
        id: 'm',
        topic: 'events',
        partitions: 1,
      }),
    ends: () => Promise.resolve([values.length]),
    async run(handler, signal) {
      const start = (await handler.assigned([0])).get(0);
      let from = typeof start === 'number' ? start : 0;
      while (!signal.aborted) {
        const to = Math.min(from + 40, values.length);
        const records = values
          .slice(from, to)
          .map((value, i) => ({ offset: from + i, arrivalMs: 1_767_600_000_000, value }));
        if (to > from) from = await handler.batch({ partition: 0, from, to, records });
        else await wait(5);
      }
      await handler.drain();
    },
    hint: () => undefined,
  };
}

describe('ingest of Avro', () => {
  it('waits out an outage of the registry: no row is lost, nothing is a dead letter', async () => {
    const root = await mkdtemp(join(tmpdir(), 'vamo-avro-'));
    const store = await openDirectoryStore(root);
    const { decoder } = await decoderOf('avro');
    const values = Array.from({ length: 100 }, (_, i) =>
      avroBytes(2, { ...wire, event_id: `o-${String(i)}` }),
    );
    values.push(framed(99, Buffer.from('x')));
    registry.state.mood = 'fails';
    setTimeout(() => (registry.state.mood = 'answers'), 700);
    const stats = await createIngester({
      source: memorySource(values),
      decoder,
      store,
      tasks: [{ id: 'store' }],
      utcOffsetMinutes: 0,
      ingest: { flushRows: 30, flushMs: 60_000, maxBadShare: 0.2 },
      clock: () => performance.now(),
      log: silentLogger,
    }).run();
    expect(registry.state.requests.length).toBeGreaterThan(2);
    expect(stats).toMatchObject({ records: 101, rows: 100, deadLetters: 1 });
    const ids = [...(await committedRows(store)).values()].flat().map((row) => row['event_id']);
    expect(new Set(ids).size).toBe(100);
    const [letter] = await committedDeadLetters(store);
    // The bytes can be read again.
    const bytes = Buffer.from(
      String(letter?.['value']),
      letter?.['encoding'] === 'base64' ? 'base64' : 'utf8',
    );
    expect(bytes).toEqual(values[100]);
    await rm(root, { recursive: true });
  });
});

describe('registry', () => {
  it('is retriable when nothing listens or nothing comes', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const hanging = await openRegistry({ url: `http://127.0.0.1:${String(port)}`, timeoutMs: 200 });
    const asked = hanging.schema(1);
    await expect(asked).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    silent.close();
    await wait(10);
    const gone = await openRegistry({ url: `http://127.0.0.1:${String(port)}` });
    await expect(gone.schema(1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  it('stops ingest when it refuses the account, which it gets from us', async () => {
    registry.state.mood = 'refuses';
    const { decode } = await decoderOf('avro', { username: 'reader', password: 'secret' });
    await expect(decode(avroBytes(2, wire))).rejects.toMatchObject({
      code: 'REGISTRY_REFUSED',
      retriable: false,
    });
    const [header] = registry.state.authorizations;
    expect(header).toBe(`Basic ${Buffer.from('reader:secret').toString('base64')}`);
  });

  it('refuses a message that is not the first of its Protobuf schema', async () => {
    const { decode } = await decoderOf('protobuf');
    const { bad } = await decode(protobufBytes(4, wire, [2, 2]));
    expect(bad?.reason).toMatch(/must be of the first message/);
  });

  it('reads what the package itself writes', async () => {
    const client = new SchemaRegistry({ host: registry.url });
    await client.getSchema(2);
    const { decode } = await decoderOf('avro');
    expect((await decode(await client.encode(2, wire))).event).toEqual(outcomeEvent());
  });

  it('names the package when it is not installed', async () => {
    const hook = `export const resolve = (name, context, next) => {
      if (name === '@kafkajs/confluent-schema-registry') throw new Error('not there');
      return next(name, context);
    };`;
    const script = `import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
      const { openRegistry } = await import(${JSON.stringify(new URL('../../src/ingest/index.ts', import.meta.url).href)});
      await openRegistry({ url: 'http://127.0.0.1:1' }).catch((e) => console.log(e.code, e.message, e.mend));`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toMatch(/^PACKAGE_MISSING @kafkajs\/confluent-schema-registry .* npm install/);
  });
});
