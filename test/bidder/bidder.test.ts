import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type BidderAck,
  loadModel,
  parseScales,
  readFleet,
  scalesRequest,
  waitForConvergence,
} from '../../src/bidder/index.ts';
import {
  blobKey,
  jsonBytes,
  keyIdOf,
  releaseKey,
  type ReleaseRecord,
  signRecord,
} from '../../src/contracts/index.ts';
import { sleep } from '../../src/core/index.ts';
import { ask, type LoadAnswer } from '../helpers/bidder-load.ts';
import { smallCampaign, smallDraft, smallGolden, TASKS } from '../helpers/bidder-model.ts';
import { type Child, startChild } from '../helpers/bidder-process.ts';
import { BY, CHANNEL, flipBit, PASS, type Setup, setUp } from '../helpers/publisher-setup.ts';

const DAY = '2026-01-13';
/** Nothing here takes long on an idle machine; a busy one gets the time it needs. */
const PATIENCE_MS = 60_000;
vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: 2 * PATIENCE_MS });
const BIDDERS = ['bidder-0', 'bidder-1', 'bidder-2'];
/** Two campaigns at different hours of the day. */
const BODIES = Array.from({ length: 20 }, (_, i) => {
  const campaigns = [0, 1].map((k) => smallCampaign(i * 2 + k, TASKS[(i + k) % 2]!));
  return JSON.stringify(scalesRequest(DAY, (i * 5) % 40, campaigns));
});

let setup: Setup;
let bidders: Child[] = [];
let urls: string[] = [];
let clean: () => Promise<void>;
const versions: string[] = [];

const publish = (version: string) => setup.releases.publish({ version, gate: PASS, ...BY });
const fleet = () => ({ channel: CHANNEL, trusted: setup.keys.trusted, now: Date.now });
const converged = () =>
  waitForConvergence(setup.store, { ...fleet(), bidders: 3, timeoutMs: PATIENCE_MS });
const ackOf = async (id: string): Promise<BidderAck> =>
  JSON.parse(new TextDecoder().decode(await setup.store.get(`fleet/${id}/ack.json`))) as BidderAck;
const answerOf = (text: string) => JSON.parse(text) as { version: string; alphas: number[] };

const loaded = new Map<string, ReturnType<typeof loadModel>>();

/** A version loaded in this process from its files in the registry. */
async function loadVersion(version: string) {
  const { manifest, files } = await setup.registry.readCheckpoint(version);
  const served = {
    io: manifest.io,
    limits: { ...manifest.limits, maxMs: 60_000 },
    graph: files.get('graph')!,
    normaliser: files.get('normaliser')!,
    golden: files.get('golden')!,
  };
  return loadModel(served, { clock: () => performance.now() });
}

/** What a version answers, worked out in this process from that version's files. */
async function recompute(version: string, body: string): Promise<number[]> {
  const model = loaded.get(version) ?? loadVersion(version);
  loaded.set(version, model);
  const { alphas } = await (await model).answer(parseScales(body));
  return Array.from(alphas);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await sleep(25);
  }
}
const rejectedAt0 = (reason: RegExp) =>
  until(reason.source, async () => {
    const ack = await ackOf('bidder-0');
    return ack.state === 'rejected' && reason.test(ack.reason ?? '');
  });
const activeAt0 = () => until('active', async () => (await ackOf('bidder-0')).state === 'active');

beforeAll(async () => {
  setup = await setUp((after) => (clean = after));
  for (const seed of [1, 2, 3])
    versions.push((await setup.registry.putCheckpoint(smallDraft(seed))).manifest.version);
  await publish(versions[0]!);
  bidders = await Promise.all(BIDDERS.map((id) => startChild('bidder-child.ts', setup.dir, id)));
  urls = bidders.map(({ line }) => `http://127.0.0.1:${line}`);
});
afterAll(async () => {
  await Promise.all(bidders.map((bidder) => bidder.end('SIGKILL')));
  for (const model of loaded.values()) await (await model).release();
  await clean();
});

describe('three bidders under load', () => {
  it('publish and rollback fail no request, and every answer is its version’s own', async () => {
    await converged();
    const out = join(setup.dir, 'answers.json');
    await writeFile(
      join(setup.dir, 'plan.json'),
      JSON.stringify({ urls, bodies: BODIES, rate: 200, out }),
    );
    const load = await startChild('bidder-load.ts', join(setup.dir, 'plan.json'));
    await sleep(500);
    await publish(versions[1]!);
    await converged();
    await sleep(400);
    await setup.releases.rollback(BY);
    await converged();
    await sleep(400);
    expect(await load.end('SIGTERM')).toBe(0);

    const answers = JSON.parse(await readFile(out, 'utf8')) as LoadAnswer[];
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers.length).toBeGreaterThan(250);
    const given = answers.map((answer) => ({ ...answer, ...answerOf(answer.text) }));
    expect(new Set(given.map(({ version }) => version))).toEqual(
      new Set([versions[0], versions[1]]),
    );
    expect(given.some(({ text }) => text.includes('fallback'))).toBe(false);
    const expected = new Map<string, number[]>();
    for (const { version, body, alphas } of given) {
      const key = `${version} ${body}`;
      if (!expected.has(key)) expected.set(key, await recompute(version, BODIES[body]!));
      expect(alphas).toEqual(expected.get(key));
    }
    const differ = (a: string, b: string) =>
      expect(expected.get(`${a} 7`)).not.toEqual(expected.get(`${b} 7`));
    differ(versions[0]!, versions[1]!);
  });
  it('is seen as live by the fleet', async () => {
    const { head, bidders: seen } = await readFleet(setup.store, fleet());
    expect(head).toMatchObject({ epoch: 3, champion: { version: versions[0] } });
    expect(seen.map(({ condition }) => condition)).toEqual(['live', 'live', 'live']);
    expect(seen[0]?.ack.selfTestMaxError).toBeLessThan(1e-4);
  });
});

describe('a bidder', () => {
  const at = (path: string, init?: RequestInit) => fetch(`${urls[0]!}${path}`, init);
  it('tells its health, readiness and version', async () => {
    expect((await at('/v1/health')).status).toBe(200);
    expect(await (await at('/v1/ready')).json()).toEqual({ ready: true, version: versions[0] });
    expect(await (await at('/v1/version')).json()).toMatchObject({ epoch: 3, bidder: 'bidder-0' });
    expect(await (await at('/v1/metrics')).text()).toMatch(/vamo_bidder_requests_total \d+/);
  });
  it.each([
    ['no such path', '/v2/scales', 'POST', '{}', 404],
    ['a wrong method', '/v1/scales', 'GET', undefined, 405],
    ['a bad body', '/v1/scales', 'POST', '{', 400],
    ['a body over the cap', '/v1/scales', 'POST', ' '.repeat(4 * 1024 * 1024 + 1), 413],
  ] as const)('answers %s', async (_, path, method, body, status) => {
    const response = await at(path, { method, ...(body === undefined ? {} : { body }) });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code: 'BIDDER_REQUEST' } });
  });
  it('names a task the version does not know', async () => {
    const { status, text } = await ask(urls[0]!, BODIES[0]!.replace('"cart"', '"carts"'));
    expect(status).toBe(400);
    expect(text).toMatch(/campaigns\.\d\.task/);
  });
});

describe('a tampered release', () => {
  /** Writes a file at the next epoch, waits for the refusal, checks that the old version serves. */
  async function refused(bytes: Uint8Array, reason: RegExp): Promise<void> {
    const head = await setup.releases.head();
    const key = releaseKey(CHANNEL, 1, head!.record.epoch + 1);
    await setup.store.put(key, bytes);
    await rejectedAt0(reason);
    const { status, text } = await ask(urls[0]!, BODIES[0]!);
    expect([status, answerOf(text).version]).toEqual([200, versions[0]]);
    expect((await ackOf('bidder-0')).epoch).toBe(head!.record.epoch);
    await setup.store.remove(key);
    await activeAt0();
  }
  const next = async (changes: Partial<ReleaseRecord> = {}): Promise<ReleaseRecord> => {
    const head = await setup.releases.head();
    const champion = (await setup.registry.readManifest(versions[1]!)).manifestSha256;
    return {
      ...head!.record,
      epoch: head!.record.epoch + 1,
      prev: head!.sha256,
      champion: { version: versions[1]!, manifest: champion },
      ...changes,
    };
  };
  const sign = (record: ReleaseRecord) =>
    signRecord(record, setup.keys.privateKey, setup.keys.keyid);

  it('with a flipped bit is refused', async () => {
    const bytes = sign(await next());
    bytes[bytes.length >> 1]! ^= 1;
    await refused(bytes, /RELEASE_SIGNATURE/);
  });
  it('cut short is refused', async () => {
    await refused(sign(await next()).subarray(0, 300), /RELEASE_SIGNATURE/);
  });
  it('by a foreign key is refused', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    await refused(signRecord(await next(), privateKey, keyIdOf(publicKey)), /RELEASE_SIGNATURE/);
  });
  it('that is an old record again is refused', async () => {
    const old = await setup.store.get(releaseKey(CHANNEL, 1, 2));
    await refused(old, /RELEASE_REFUSED.*copy/);
  });
  it('of another channel is refused', async () => {
    await refused(sign(await next({ channel: 'staging' })), /RELEASE_REFUSED/);
  });
  it('that does not follow from the one before is refused', async () => {
    const prev = (await setup.releases.log()).records[0]!.sha256;
    await refused(sign(await next({ prev })), /RELEASE_REFUSED.*prev/);
  });
  it('that replaces the trusted one is equivocation', async () => {
    const head = (await setup.releases.head())!;
    const key = releaseKey(CHANNEL, 1, head.record.epoch);
    const honest = await setup.store.get(key);
    await setup.store.put(key, sign({ ...head.record, reason: 'another' }));
    await rejectedAt0(/equivocation/);
    await setup.store.put(key, honest);
    await activeAt0();
  });
});

describe('a checkpoint that is not what its manifest says', () => {
  it('is refused with both digests, then taken once it is mended', async () => {
    const { manifest } = await setup.registry.putCheckpoint(smallDraft(4));
    await publish(manifest.version);
    await converged();
    await setup.releases.rollback(BY);
    await converged();
    const graph = manifest.files.find(({ role }) => role === 'graph')!.sha256;
    const draft = smallDraft(5);
    const bad = (await setup.registry.putCheckpoint(draft)).manifest;
    const badGraph = bad.files.find(({ role }) => role === 'graph')!.sha256;
    expect(badGraph).not.toBe(graph);
    const record = {
      ...(await setup.releases.head())!.record,
      epoch: 6,
      prev: (await setup.releases.head())!.sha256,
      champion: {
        version: bad.version,
        manifest: (await setup.registry.readManifest(bad.version)).manifestSha256,
      },
    };
    await flipBit(setup.store, blobKey(badGraph));
    const file = signRecord(record, setup.keys.privateKey, setup.keys.keyid);
    await setup.store.put(releaseKey(CHANNEL, 1, 6), file);
    await rejectedAt0(/graph of .* expected sha256 \w{64}, found \w{64}/);
    expect(answerOf((await ask(urls[0]!, BODIES[0]!)).text).version).toBe(versions[0]);
    await flipBit(setup.store, blobKey(badGraph));
    await converged();
    expect(answerOf((await ask(urls[0]!, BODIES[0]!)).text).version).toBe(bad.version);
  });
  it('is refused when it does not answer its golden rows', async () => {
    const draft = smallDraft(6);
    const files = { ...draft.files, golden: jsonBytes(smallGolden(7)) };
    const { manifest } = await setup.registry.putCheckpoint({ ...draft, files });
    const before = (await ackOf('bidder-0')).activeVersion;
    await publish(manifest.version);
    await rejectedAt0(/CHECKPOINT_SELFTEST/);
    const seen = await readFleet(setup.store, fleet());
    expect(seen.bidders[0]).toMatchObject({
      condition: 'rejected',
      ack: { activeVersion: before },
    });
    await publish(versions[2]!);
    await converged();
  });
});

describe('stopping and starting', () => {
  it('brings back the last good version after kill -9, without registry or log', async () => {
    expect(await bidders[1]!.end('SIGKILL')).toBe('SIGKILL');
    const data = join(setup.dir, 'data');
    await mkdir(join(setup.dir, 'away'));
    for (const part of ['models', 'releases'])
      await rename(join(data, part), join(setup.dir, 'away', part));
    bidders[1] = await startChild('bidder-child.ts', setup.dir, 'bidder-1');
    const { status, text } = await ask(`http://127.0.0.1:${bidders[1].line}`, BODIES[3]!);
    for (const part of ['models', 'releases'])
      await rename(join(setup.dir, 'away', part), join(data, part));
    expect([status, answerOf(text).version]).toEqual([200, versions[2]]);
    expect(answerOf(text).alphas).toEqual(await recompute(versions[2]!, BODIES[3]!));
  });
  it('drains on SIGTERM, exits 0 and says so; a bad state file ends it with its code', async () => {
    const [terminated, broken] = await Promise.all([
      bidders[2]!.end('SIGTERM'),
      setup.store
        .put('fleet/broken/state.json', new TextEncoder().encode('{"schema":'))
        .then(() => startChild('bidder-child.ts', setup.dir, 'broken')),
    ]);
    expect(terminated).toBe(0);
    expect((await ackOf('bidder-2')).state).toBe('stopped');
    expect(await broken.end('SIGTERM')).toBe(1);
    expect(broken.errors()).toContain('STORE_CORRUPT: fleet/broken/state.json');
  });
});
