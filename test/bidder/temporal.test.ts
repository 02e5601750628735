import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadModel, parseScales, scalesRequest } from '../../src/bidder/index.ts';
import { type Bidder, startBidder } from '../../src/bidder/bidder.ts';
import { marketKey, parseTemporalTable } from '../../src/contracts/index.ts';
import { addDays, dayKey, silentLogger } from '../../src/core/index.ts';
import { loadTemporalGraph, temporalSelfTest } from '../../src/inference/index.ts';
import { smallCampaign, TASKS } from '../helpers/bidder-model.ts';
import { BY, CHANNEL, PASS, type Setup, setUp } from '../helpers/publisher-setup.ts';
import { keepMarket, marketOf, temporalDraft, windowBefore } from '../helpers/temporal-version.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const MONDAY = dayKey('2026-01-12');
const TUESDAY = addDays(MONDAY, 1);
const campaigns = [0, 1, 2].map((i) => smallCampaign(i, TASKS[i % 2]!));
const bodyOf = (day: string) => JSON.stringify(scalesRequest(day, 20, campaigns));

interface Answer {
  readonly version: string;
  readonly alphas: number[];
  readonly stale?: boolean;
}

let setup: Setup;
let clean: () => Promise<void>;
let bidder: Bidder;
const versions: string[] = [];
let now = 0;

async function ask(day: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${bidder.port}/v1/scales`, {
    method: 'POST',
    body: bodyOf(day),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

async function modelOf(version: string) {
  const { manifest, files } = await setup.registry.readCheckpoint(version);
  return loadModel(
    {
      io: manifest.io,
      limits: { ...manifest.limits, maxMs: 60_000 },
      graph: files.get('graph')!,
      normaliser: files.get('normaliser')!,
      golden: files.get('golden')!,
      temporal: { graph: files.get('temporal')!, table: files.get('table')! },
    },
    { clock: () => performance.now() },
  );
}

beforeAll(async () => {
  setup = await setUp((after) => (clean = after));
  for (const [seed, day] of [
    [1, MONDAY],
    [2, TUESDAY],
  ] as const) {
    const stored = await setup.registry.putCheckpoint(await temporalDraft(seed, day));
    versions.push(stored.manifest.version);
    await setup.releases.publish({ version: stored.manifest.version, gate: PASS, ...BY });
  }
  bidder = await startBidder({
    id: 'b1',
    store: setup.store,
    trusted: setup.keys.trusted,
    channel: CHANNEL,
    port: 0,
    pollMs: 3_600_000,
    pid: 1,
    now: Date.now,
    // Time stands still unless a test moves it: a missing day is tried again after the poll time.
    clock: () => now,
    log: silentLogger,
  });
  await bidder.refresh();
});
afterAll(async () => {
  await bidder.close();
  await clean();
});

describe('the shipped table', () => {
  it('is what the shipped temporal graph makes of the market, to the bit', async () => {
    const { manifest, files } = await setup.registry.readCheckpoint(versions[0]!);
    const table = parseTemporalTable(files.get('table')!);
    expect(table.day).toBe(MONDAY);
    const graph = await loadTemporalGraph(files.get('temporal')!, manifest.io);
    const { z, market } = table;
    const again = await graph.run({ ...market, data: windowBefore(MONDAY) });
    expect(again.data).toEqual(z.data);
    const other = { ...table, z: { ...z, data: z.data.map((x, i) => (i === 7 ? x + 0.01 : x)) } };
    await expect(temporalSelfTest(graph, other)).rejects.toMatchObject({
      code: 'CHECKPOINT_SELFTEST',
    });
    await graph.release();
  });

  it('is refused with another version’s graph', async () => {
    const [one, two] = await Promise.all(versions.map((v) => setup.registry.readCheckpoint(v)));
    const { manifest, files } = one!;
    const mixed = loadModel(
      {
        io: manifest.io,
        limits: { ...manifest.limits, maxMs: 60_000 },
        graph: files.get('graph')!,
        normaliser: files.get('normaliser')!,
        golden: files.get('golden')!,
        temporal: { graph: two!.files.get('temporal')!, table: files.get('table')! },
      },
      { clock: () => performance.now() },
    );
    await expect(mixed).rejects.toMatchObject({ code: 'CHECKPOINT_SELFTEST' });
  });
});

describe('a bidder of a model with a temporal module', () => {
  it('serves the day of the shipped table at once', async () => {
    const answer = await ask(TUESDAY);
    expect(answer.version).toBe(versions[1]);
    expect(answer.stale).toBeUndefined();
    const model = await modelOf(versions[1]!);
    const { alphas } = await model.answer(parseScales(bodyOf(TUESDAY)));
    expect(answer.alphas).toEqual(Array.from(alphas));
    await model.release();
  });

  it('says so when it has to serve a day with another day’s table', async () => {
    const wednesday = addDays(TUESDAY, 1);
    const answer = await ask(wednesday);
    expect(answer.stale).toBe(true);
    expect(answer.alphas).toEqual((await ask(TUESDAY)).alphas);
    expect(await ask(wednesday)).toMatchObject({ stale: true });
    expect(bidder.status().stale).toBe(true);
  });

  it('computes the day’s own table once the market of the days before is there', async () => {
    const wednesday = addDays(TUESDAY, 1);
    for (const day of [MONDAY, TUESDAY]) await keepMarket(setup.store, day);
    now += 3_600_001;
    const answer = await ask(wednesday);
    expect(answer.stale).toBeUndefined();
    expect(answer.alphas).not.toEqual((await ask(TUESDAY)).alphas);
    const model = await modelOf(versions[1]!);
    await model.learn(wednesday, [MONDAY, TUESDAY].map(marketOf));
    const { alphas, stale } = await model.answer(parseScales(bodyOf(wednesday)));
    expect(stale).toBe(false);
    expect(answer.alphas).toEqual(Array.from(alphas));
    expect(bidder.status().stale).toBeUndefined();
    await model.release();
  });

  it('rolled back to an older version serves a newer day with that version’s own table', async () => {
    await keepMarket(setup.store, addDays(MONDAY, -1));
    await setup.releases.rollback({ to: versions[0]!, ...BY });
    await bidder.refresh();
    const answer = await ask(TUESDAY);
    expect(answer.version).toBe(versions[0]);
    expect(answer.stale).toBeUndefined();
    const model = await modelOf(versions[0]!);
    await model.learn(TUESDAY, [addDays(MONDAY, -1), MONDAY].map(marketOf));
    const { alphas } = await model.answer(parseScales(bodyOf(TUESDAY)));
    expect(answer.alphas).toEqual(Array.from(alphas));
    await model.release();
  });

  it('treats a damaged market file as a missing one', async () => {
    const thursday = addDays(TUESDAY, 2);
    const wednesday = addDays(TUESDAY, 1);
    await keepMarket(setup.store, wednesday);
    const bytes = await setup.store.get(marketKey(wednesday));
    await setup.store.put(marketKey(wednesday), bytes.subarray(0, -40));
    expect((await ask(thursday)).stale).toBe(true);
  });
});
