import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkMapping,
  compileMapping,
  type MappingSpec,
  parseMapping,
} from '../../../src/ingest/index.ts';
import { loadMapping } from '../../../src/ingest/mapping/load.ts';
import { splitQuoted } from '../../../src/ingest/mapping/line-reader.ts';
import { timeParser } from '../../../src/ingest/mapping/time-format.ts';
import {
  AUCTIONNET_HEADER,
  auctionNetLine,
  IPINYOU_HEADER,
  ipinyouLine,
} from '../../helpers/foreign-logs.ts';

const options = { tasks: new Set(['store']), utcOffsetMinutes: 480 };
const decoderOf = (spec: unknown) => compileMapping(parseMapping(spec), options);
const record = (value: unknown, arrivalMs = Number.NaN) => ({ offset: 0, arrivalMs, value });

/** A small mapping; `over` replaces its parts, `fields` those of its one event. */
const mapping = (over: Record<string, unknown> = {}, fields: Record<string, unknown> = {}) => ({
  schema: 'mapping/v1',
  format: {
    kind: 'separated',
    separator: ',',
    quote: '"',
    columns: ['id', 'at', 'who', 'n', 'flag'],
    widths: [4, 5],
    nulls: ['null', ''],
  },
  time: { column: 'at', time: 'epoch_s' },
  events: [
    {
      kind: 'cart',
      fields: {
        event_id: '{id}',
        campaign_id: '{who}',
        outcome_id: 'o-{id}',
        items: { column: 'n' },
        ...fields,
      },
    },
  ],
  ...over,
});
const only = (spec: unknown, line: unknown) =>
  decoderOf(spec).decode(record(line)).events?.[0]?.event;

describe('mapping', () => {
  it.each(['nowhere.txt', 'nowhere.txt.gz'])('names a missing file: %s', async (path) => {
    const missing = {
      message: `${path} is not there`,
      mend: expect.stringContaining(path) as string,
    };
    const sample = checkMapping(parseMapping(mapping()), options, path, 1);
    await expect(sample).rejects.toMatchObject({ code: 'INGEST_SOURCE', ...missing });
    await expect(loadMapping('./nowhere.json')).rejects.toThrow('./nowhere.json is not there');
  });

  it('makes an event of a line and stores it under its day', () => {
    expect(decoderOf(mapping()).decode(record('7,1767540000,c1,2'))).toEqual({
      events: [
        {
          event: {
            kind: 'cart',
            event_id: '7',
            event_time: 1_767_540_000_000,
            campaign_id: 'c1',
            outcome_id: 'o-7',
            items: 2,
          },
          day: '2026-01-04',
          arrivalMs: 1_767_540_000_000,
          entry: 0,
        },
      ],
    });
  });

  it('takes quoted cells, a carriage return, a byte-order mark and bytes', () => {
    const line = '\ufeff"a""b,",1767540000,c1,2,\r';
    const decoded = only(mapping({}, { event_id: '{@hash}', outcome_id: 'y' }), Buffer.from(line));
    expect(decoded).toMatchObject({ items: 2 });
    expect(splitQuoted('"a""b,",,"",c', ',', '"')).toEqual(['a"b,', '', '', 'c']);
  });

  it('splits what a writer of CSV has quoted back into the same cells', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ') });
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1 }), (cells) => {
        const line = cells.map((c) => `"${c.replaceAll('"', '""')}"`).join(',');
        expect(splitQuoted(line, ',', '"')).toEqual(cells);
      }),
    );
  });

  it.each([
    ['7,1767540000,c1', /^3 columns; must be 4 or 5/],
    ['7,1767540000,c1,2,1,1', /^6 columns/],
    ['7,1767540000,c1,"2', /^a quoted cell does not end/],
    ['7,yesterday,c1,2', /^time: column at must be a time, epoch_s/],
    ['7,null,c1,2', /^time: must be a time/],
    ['7,1767540000000000,c1,2', /^time: 1767540000000000000; must be whole milliseconds/],
    ['7,1767540000,c1,null', /^events\.0\.fields\.items: has no value/],
    ['7,1767540000,c1,two', /^events\.0\.fields\.items: must be a number/],
    ['7,1767540000,c1,1.5', /^events\.0\.fields\.items: must be a whole number/],
    ['7,1767540000,c 1,2', /^events\.0\.fields\.campaign_id: must be 1 to 128 printable/],
  ])('says why %j is refused', (line, reason) => {
    expect(decoderOf(mapping()).decode(record(line)).bad?.reason).toMatch(reason);
  });

  it('filters headers, blank lines, and lines of rules or without an event by name', () => {
    const spec = mapping({
      filters: [{ name: 'tests', keep: { column: 'who', not: ['test', null] } }],
    });
    Object.assign(spec.events[0]!, { when: { column: 'n', above: 0 } });
    const decoder = decoderOf(spec);
    const filtered = (line: string) => decoder.decode(record(line)).filtered;
    expect(filtered('id,at,who,n')).toBe('header');
    expect(filtered('id,at,who,n,flag')).toBe('header');
    expect(filtered('')).toBe('blank');
    expect(filtered('\r')).toBe('blank');
    expect(filtered('7,1767540000,test,2')).toBe('tests');
    expect(filtered('7,1767540000,null,2')).toBe('tests');
    expect(filtered('7,1767540000,c1,0')).toBe('no event');
    expect(filtered('7,1767540000,c1,2')).toBeUndefined();
  });

  it('gives a line that is bad in one of its events to the dead letters as a whole', () => {
    const spec = mapping();
    const conversion = { event_id: '{id}', campaign_id: '{who}', outcome_id: '{id}', gmv: -1 };
    const both = { ...spec, events: [...spec.events, { kind: 'conversion', fields: conversion }] };
    const decoded = decoderOf(both).decode(record('7,1767540000,c1,2'));
    expect(decoded).toMatchObject({ bad: { field: 'gmv' }, arrivalMs: 1_767_540_000_000 });
    expect(decoded.events).toBeUndefined();
  });

  it('computes factors, sums, enumerations, choices and defaults', () => {
    const items = (json: unknown, line = '7,1767540000,c1,2') =>
      (only(mapping({}, { items: json }), line) as { items: number } | undefined)?.items;
    expect(items({ column: 'n', times: 10 })).toBe(20);
    expect(items({ sum: [1, { column: 'n' }, { column: 'n', times: 3 }] })).toBe(9);
    expect(items({ column: 'n', map: { 2: { column: 'id' } } })).toBe(7);
    expect(items({ column: 'n', map: {}, else: 5 })).toBe(5);
    expect(items({ column: 'n', map: { 3: 1 } })).toBeUndefined();
    expect(items({ column: 'flag', or: 4 })).toBe(4);
    expect(items({ column: 4 })).toBe(2);
    const choice = { if: { column: 'n', is: 2 }, then: 8, else: 9 };
    expect(items(choice)).toBe(8);
    expect(items(choice, '7,1767540000,c1,2.0')).toBe(8);
    expect(items(choice, '7,1767540000,c1,3')).toBe(9);
    const any = {
      any: [
        { column: 'n', below: 2 },
        { column: 'who', is: 'c1' },
      ],
    };
    expect(items({ if: { all: [any, { column: 'n', is: [1, 2] }] }, then: 1, else: 0 })).toBe(1);
  });

  it('fills templates, also with the day and a digest of the line', () => {
    const id = (text: string, line = '7.0,1767540000,c1,2') =>
      only(mapping({}, { event_id: text }), line)?.event_id;
    expect(id('a-{id:int}-{who}/{@day}')).toBe('a-7-c1/2026-01-04');
    expect(id('{@hash}')).toMatch(/^[0-9a-f]{32}$/);
    expect(id('{@hash}')).not.toBe(id('{@hash}', '7.0,1767540000,c1,3'));
    expect(id('{id:int}', '7.5,1767540000,c1,2')).toBeUndefined();
  });

  it('reads members of JSON lines by their path', () => {
    const spec = mapping(
      { format: { kind: 'json' }, time: { column: 'meta.at', time: 'iso', zone: '+08:00' } },
      { event_id: '{meta.id}', campaign_id: '{who}', outcome_id: '{meta.id}' },
    );
    const line = { meta: { at: '2026-01-05 00:30:00', id: 12 }, who: 'c', n: 1 };
    const decoded = decoderOf(spec).decode(record(JSON.stringify(line)));
    expect(decoded.events?.[0]).toMatchObject({
      day: '2026-01-05',
      event: { event_id: '12', event_time: Date.parse('2026-01-04T16:30:00Z') },
    });
    expect(decoderOf(spec).decode(record(line))).toEqual(decoded);
    expect(decoderOf(spec).decode(record('[1')).bad?.reason).toBe('not JSON');
  });

  it('takes the arrival from the mapping, else from the source, else from the event', () => {
    const arrival = (over: object, arrivalMs?: number) =>
      decoderOf(mapping({ ...over })).decode(record('7,1767540000,c1,2,1767540009', arrivalMs))
        .events?.[0]?.arrivalMs;
    expect(arrival({})).toBe(1_767_540_000_000);
    expect(arrival({}, 5)).toBe(5);
    expect(arrival({ arrival: { column: 'flag', time: 'epoch_s' } }, 5)).toBe(1_767_540_009_000);
  });

  it('tells when what it leaves out arrived, and never by the clock of the source instead', () => {
    const events = [{ ...mapping().events[0], when: { column: 'n', above: 0 } }];
    const filters = [{ name: 'tests', keep: { column: 'who', not: ['test'] } }];
    const spec = mapping({ events, filters });
    const own = { ...spec, arrival: { column: 'flag', time: 'epoch_s' } };
    const told = (by: unknown, line: string, sourceMs?: number): number | undefined => {
      const decoded = decoderOf(by).decode(record(line, sourceMs));
      return 'arrivalMs' in decoded ? decoded.arrivalMs : undefined;
    };
    const [test, none] = ['7,1767540000,test,2,1767540009', '7,1767540000,c1,0,1767540009'];
    expect(told(own, test, 5)).toBe(1_767_540_009_000);
    expect(told(spec, test, 5)).toBeUndefined();
    expect(told(spec, test)).toBe(1_767_540_000_000);
    expect(decoderOf(own).decode(record(none, 5))).toEqual({
      filtered: 'no event',
      arrivalMs: 1_767_540_009_000,
    });
    for (const bare of ['7,1767540000,test,2,', '', '7,x,c1,2,', '7,,,,,,'])
      expect(told(own, bare, 5), bare).toBeNaN();
  });
});

/** One event of many lines, a budget. */
const once = (fields: Record<string, unknown>) => {
  const budget = { task: 'store', budget: 1, status: 'active', advertiser_id: 'a' };
  const all = { campaign_id: '{who}', ...budget, ...fields };
  return mapping({ events: [{ kind: 'campaign', once: true, fields: all }] });
};

describe('checking a mapping on a sample', () => {
  const check = async (spec: unknown, lines: readonly string[]) => {
    const folder = await mkdtemp(join(tmpdir(), 'vamo-mapping-'));
    try {
      await writeFile(join(folder, 'sample'), lines.join('\n'));
      return await checkMapping(parseMapping(spec), options, join(folder, 'sample'), 9);
    } finally {
      await rm(folder, { recursive: true });
    }
  };
  const lines = ['1,1767540000,c1,2', '1,1767540001,c1,2', '2,1767540002,c2,2'];
  const carts = mapping().events;
  const budgets = once({ event_id: '{who}-{@day}' }).events;

  it('tells lines that only repeat from those that gave events, and names entries that gave none', async () => {
    const when = { column: 'n', is: 'two' };
    const events = [...budgets, { ...carts[0], when }];
    const report = await check(mapping({ events }), [...lines, '', 'junk']);
    expect(report).toMatchObject({
      ...{ lines: 5, accepted: 2, repeated: 1, filtered: 1, refused: 1 },
      ...{ events: { campaign: 2 }, silent: ['events.1 (cart)'] },
    });
    const all = await check(mapping({ events: [...budgets, ...carts] }), lines);
    expect(all).toMatchObject({ accepted: 3, repeated: 0, silent: [] });
  });

  it('counts the events that are no duplicates of others', async () => {
    const { events, distinct } = await check(mapping(), lines);
    expect([events, distinct]).toEqual([{ cart: 3 }, { cart: 2 }]);
  });

  it('says which tasks there are, and where the unknown one stands', async () => {
    const spec = once({ event_id: '{who}', task: 'banner' });
    expect((await check(spec, lines)).refusals).toMatchObject([
      {
        lines: 3,
        reason: 'events.0.fields.task: "banner" is not configured; must be one of tasks (store)',
      },
    ]);
  });

  it('lets an event that all lines give have one id', async () => {
    const spec = once({ event_id: 'budget-{@day}', campaign_id: 'all' });
    expect(await check(spec, lines)).toMatchObject({ accepted: 1, repeated: 2 });
  });
});

describe('mapping file', () => {
  const broken: [string, Record<string, unknown>][] = [
    ['schema', mapping({ schema: 'mapping/v9' })],
    ['events', mapping({ events: [] })],
    ['time.column', mapping({ time: { column: 'when' } })],
    ['time.zone', mapping({ time: { column: 'at', time: 'yyyyMMdd', zone: 'Asia/Shanghai' } })],
    ['time.time', mapping({ time: { column: 'at', time: 'yyMMdd', zone: 'Z' } })],
    ['format.widths', mapping({ format: { ...mapping().format, widths: [6] } })],
    [
      'time.column: "at"; stands twice in format.columns',
      mapping({ format: { ...mapping().format, columns: ['id', 'at', 'who', 'at'], widths: [4] } }),
    ],
    ['filters.0.keep', mapping({ filters: [{ name: 'x', keep: { column: 'id' } }] })],
    [
      'filters.0.keep.above',
      mapping({ filters: [{ name: 'x', keep: { column: 'n', above: '1' } }] }),
    ],
    ['events.0.fields.itmes', mapping({}, { itmes: 1 })],
    ['events.0.fields.outcome_id', mapping({}, { outcome_id: undefined })],
    ['events.0.fields.items.factor', mapping({}, { items: { column: 'n', factor: 2 } })],
    ['events.0.fields.items', mapping({}, { items: { tims: 2 } })],
    ['events.0.fields.event_id', mapping({}, { event_id: '{idd}' })],
    ['events.0.fields.event_id: "id"; must name a column', mapping({}, { event_id: 'id' })],
    ['events.0.fields.event_id: "{id"; braces', mapping({}, { event_id: '{id' })],
    ['events.0.fields.event_id: "id}-{who}"; braces', mapping({}, { event_id: 'id}-{who}' })],
    ['events.0.fields.event_id: "{@day}"; must', mapping({}, { event_id: '{@day}' })],
    ['events.0.fields.event_id: 7; must name', mapping({}, { event_id: 7 })],
    ['events.0.fields.event_id: "budget"; must name', once({ event_id: 'budget' })],
    ['extra: no such key', mapping({ extra: 1 })],
    [
      'time: missing; must be given',
      JSON.parse(JSON.stringify(mapping({ time: undefined }))) as Record<string, unknown>,
    ],
    [
      'events.0.kind: "click"; must be one of "campaign", ',
      mapping({ events: [{ kind: 'click' }] }),
    ],
    [
      'format.kind: "csv"; must be one of "separated", "json"',
      mapping({ format: { kind: 'csv' } }),
    ],
    ['about: 5; must be a text', mapping({ about: 5 })],
    [`about: ["${'x'.repeat(78)}...; must be a text`, mapping({ about: ['x'.repeat(99)] })],
  ];
  it.each(broken)('is refused with the place %s', (field, spec) => {
    expect(() => decoderOf(spec)).toThrow(
      expect.objectContaining({
        code: 'MAPPING_INVALID',
        message: expect.stringContaining(field) as string,
      }),
    );
  });
});

describe('times', () => {
  const ms = (format: string, text: string | number, zone?: string) =>
    timeParser(format, zone, 'time')(text);
  it.each([
    ['yyyyMMddHHmmssSSS', '20130606000104008', '+08:00', '2013-06-05T16:01:04.008Z'],
    ['yyyy-MM-dd HH:mm', '2024-02-29 23:59', '-03:30', '2024-03-01T03:29:00.000Z'],
    ['iso', '2026-01-05T10:00:00+0200', undefined, '2026-01-05T08:00:00.000Z'],
    ['iso', '2026-01-05T10:00:00.25Z', undefined, '2026-01-05T10:00:00.250Z'],
    ['epoch_s', '1767600000.5', undefined, '2026-01-05T08:00:00.500Z'],
    ['epoch_ms', 1_767_600_000_000, undefined, '2026-01-05T08:00:00.000Z'],
    ['epoch_us', '1767600000000000', undefined, '2026-01-05T08:00:00.000Z'],
  ])('%s reads %s', (format, text, zone, expected) => {
    expect(new Date(ms(format, text, zone)).toISOString()).toBe(expected);
  });
  it.each([
    ['yyyyMMdd', '20130230'],
    ['yyyyMMdd', '2013060'],
    ['yyyyMMdd', '201306 6'],
    ['yyyyMMddHHmm', '201306062400'],
    ['yyyy-MM-dd', '2013/06/06'],
    ['iso', '2026-01-05'],
    ['epoch_ms', '12:00'],
  ])('%s refuses %s', (format, text) => {
    expect(ms(format, text, 'Z')).toBeNaN();
  });
  it('needs a zone where the text has none', () => {
    expect(ms('iso', '2026-01-05T10:00:00')).toBeNaN();
    expect(() => ms('yyyyMMdd', '20260105')).toThrow(/zone/);
  });
});

describe('shipped mappings', () => {
  const shipped = async (name: string) => {
    const spec: MappingSpec = await loadMapping(name);
    const decoder = compileMapping(spec, options);
    return (line: string) => decoder.decode(record(line));
  };

  it('ipinyou: an impression in 1/1000 yuan per mille is an outcome, clicks and conversions follow', async () => {
    const decode = await shipped('ipinyou');
    const plain = decode(ipinyouLine()).events ?? [];
    expect(plain.map(({ event }) => event.kind)).toEqual(['campaign', 'outcome']);
    expect(plain[0]).toMatchObject({
      once: true,
      day: '2013-06-06',
      event: { event_id: 'budget-1458-2013-06-06', event_time: Date.parse('2013-06-05T16:00Z') },
    });
    expect(plain[1]).toMatchObject({
      day: '2013-06-06',
      event: { campaign_id: '1458', bid: 277, cost: 139, competing_1: 139, slot: 1, exposed: true },
    });
    const rich = decode(ipinyouLine({ click: '1' }, ['2', '1'])).events ?? [];
    expect(rich.slice(2).map(({ event }) => event)).toMatchObject([
      { kind: 'cart', outcome_id: 'b-1', items: 2 },
      { kind: 'conversion', outcome_id: 'b-1', gmv: 1_000_000 },
    ]);
    const clicked = decode(ipinyouLine({ click: '1' })).events ?? [];
    expect(clicked.slice(2).map(({ event }) => event)).toMatchObject([{ kind: 'cart', items: 1 }]);
    expect(decode(IPINYOU_HEADER)).toEqual({ filtered: 'header' });
    expect(decode(ipinyouLine({}, ['0'])).bad?.reason).toMatch(/^28 columns/);
    expect(decode(ipinyouLine({ payprice: 'null' })).bad?.reason).toMatch(/cost: has no value/);
  });

  it('auctionnet: every candidate of 18 columns is an outcome, paid only if exposed', async () => {
    const decode = await shipped('auctionnet');
    const outcome = (line: string) =>
      decode(line).events?.find(({ event }) => event.kind === 'outcome')?.event;
    expect(decode(AUCTIONNET_HEADER)).toEqual({ filtered: 'header' });
    expect(outcome(auctionNetLine())).toMatchObject({
      event_id: '7-2-17-3',
      campaign_id: 'advertiser-3',
      event_time: Date.parse('2026-01-12T01:00:00.017Z'),
      pv: 500_000,
      slot: 0,
      cost: 0,
      competing_1: 250_000,
      competing_3: 250_000,
    });
    const second = { adSlot: 2, xi: 1, bid: 0.4, cost: 0.3 };
    expect(outcome(auctionNetLine({ ...second, isExposed: 0 }))).toMatchObject({
      exposed: false,
      cost: 0,
      competing_1: 400_000,
      competing_2: 300_000,
    });
    const sold = decode(auctionNetLine({ ...second, isExposed: 1, conversionAction: 1 })).events;
    expect(sold?.map(({ event }) => event)).toMatchObject([
      { kind: 'campaign', budget: 2_900_000_000, cpa_limit: 100_000_000, day: '2026-01-12' },
      { kind: 'outcome', cost: 300_000 },
      { kind: 'conversion', outcome_id: '7-2-17-3', gmv: 1_000_000 },
    ]);
  });
});
