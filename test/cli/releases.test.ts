import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BidderAck } from '../../src/bidder/index.ts';
import { jsonBytes, releaseKey } from '../../src/contracts/index.ts';
import { actorName } from '../../src/cli/releases.ts';
import { ensureKeys, openRegistry, openReleases } from '../../src/publisher/index.ts';
import { openDataDirectory } from '../../src/store/index.ts';
import { smallDraft } from '../helpers/bidder-model.ts';
import { vamo } from '../helpers/cli.ts';
import { BY, CHANNEL, PASS } from '../helpers/publisher-setup.ts';

/** A data directory in which versions have been released one after another. */
async function released(count: number) {
  const data = await mkdtemp(join(tmpdir(), 'vamo-releases-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const { store } = await openDataDirectory(data);
  const keys = await ensureKeys(join(data, 'keys'));
  const releases = openReleases(store, keys, { channel: CHANNEL, now: () => 1 });
  const versions: string[] = [];
  for (let seed = 1; seed <= count + 1; seed++) {
    const { manifest } = await openRegistry(store).putCheckpoint(smallDraft(seed));
    versions.push(manifest.version);
    // The last one stays unreleased, as after a gate that held.
    if (seed <= count) await releases.publish({ version: manifest.version, gate: PASS, ...BY });
  }
  return { data, store, releases, versions };
}

interface Answer {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly mend: string;
    readonly retriable: boolean;
    readonly details: Readonly<Record<string, unknown>>;
  };
  readonly [key: string]: unknown;
}

async function json(...args: readonly string[]): Promise<{ code: number | null; answer: Answer }> {
  const { code, stdout, stderr } = await vamo(...args, '--json');
  expect(stdout, stderr).not.toBe('');
  return { code, answer: JSON.parse(stdout) as Answer };
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** What a bidder that hangs said last: it serves epoch 2. */
const hanging = (version: string): BidderAck => ({
  schema: 'ack/v1',
  bidder: 'b1',
  pid: 1,
  port: 1,
  generation: 1,
  epoch: 2,
  state: 'active',
  activeVersion: version,
  activeDigest: null,
  reason: null,
  loadMs: 1,
  selfTestMaxError: 0,
  at: Date.now() + 600_000,
});

describe('vamo rollback', { timeout: 120_000 }, () => {
  it('that the fleet does not follow says what it signed; repeated, it only waits', async () => {
    const { data, store, releases, versions } = await released(2);
    await store.put('fleet/b1/ack.json', jsonBytes(hanging(versions[1]!)));
    const args = ['rollback', '--reason', 'bad', '--timeout', '1', '--data', data];
    for (let i = 0; i < 2; i++) {
      const { code, answer } = await json(...args);
      expect(code).toBe(1);
      expect(answer.error).toMatchObject({
        code: 'FLEET_NOT_CONVERGED',
        retriable: true,
        details: { epoch: 3, version: versions[0] },
      });
      expect(answer.error.message).toContain(`epoch 3 with ${versions[0]!} is signed`);
    }
    const { records } = await releases.log();
    expect(records.map(({ record }) => record.champion.version)).toEqual([
      ...versions.slice(0, 2),
      versions[0],
    ]);
    await store.remove('fleet/b1/ack.json');
    const { code, answer } = await json(...args);
    expect([code, answer]).toEqual([
      0,
      expect.objectContaining({ epoch: 3, version: versions[0], repeated: true }),
    ]);
  });

  it('names the known bidders that are silent, also with --json', async () => {
    const { data, store, versions } = await released(2);
    const none = await json('rollback', '--reason', 'bad', '--data', data);
    expect(none.answer).toMatchObject({ bidders: 0, silent: [] });
    for (const bidder of ['b1', 'b2', 'b3']) {
      const ack = { ...hanging(versions[1]!), bidder, at: 1 };
      await store.put(`fleet/${bidder}/ack.json`, jsonBytes(ack));
    }
    for (const wait of [[], ['--no-wait']]) {
      const args = ['rollback', '--reason', 'bad', '--data', data, ...wait];
      const { code, stdout } = await vamo(...args);
      expect([code, stdout.split('\n')[1]]).toEqual([0, '3 known bidders are silent: b1, b2, b3']);
      const { answer } = await json(...args);
      expect(answer).toMatchObject({ bidders: 0, silent: ['b1', 'b2', 'b3'] });
    }
  });

  it.each([
    ['', '--reason: "" says nothing; must not be empty'],
    [' ', '--reason: " " says nothing; must not be empty'],
    ['x'.repeat(2001), '--reason: 2001 characters; must be at most 2000'],
  ])('and publish refuse a reason that no record takes', async (reason, message) => {
    const { data, releases } = await released(2);
    for (const command of [['rollback'], ['publish', '--override'], ['publish']]) {
      const { code, answer } = await json(...command, '--reason', reason, '--data', data);
      expect([code, answer.error.code, answer.error.message]).toEqual([2, 'USAGE', message]);
    }
    expect((await releases.log()).records).toHaveLength(2);
  });

  it('--to refuses a version that was never released, naming those that were', async () => {
    const { data, versions } = await released(2);
    const held = versions[2]!;
    const { code, answer } = await json('rollback', '--to', held, '--reason', 'x', '--data', data);
    expect([code, answer.error.code]).toEqual([1, 'RELEASE_REFUSED']);
    for (const version of versions) expect(answer.error.message).toContain(version);
  });

  it('works above a file that nobody may believe, which versions and fleet name', async () => {
    const { data, store, versions } = await released(2);
    const forged = releaseKey(CHANNEL, 1, 3);
    await store.put(forged, Buffer.from('{}'));
    const refused = [expect.objectContaining({ key: forged, code: 'RELEASE_SIGNATURE' })];
    for (const command of ['versions', 'fleet']) {
      const { code, answer } = await json(command, '--data', data);
      expect([code, answer['refused']]).toEqual([0, refused]);
      expect((await vamo(command, '--data', data)).stdout).toContain(`  ${forged}: `);
    }
    const { code, answer } = await json('rollback', '--reason', 'x', '--data', data);
    expect([code, answer['epoch'], answer['version']]).toEqual([0, 5, versions[0]]);
  });
});

describe('who acts', () => {
  it.each([undefined, ''])('without a login name is the system user', (unset) => {
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('USER', unset);
    vi.stubEnv('LOGNAME', unset);
    expect(actorName(undefined)).toBe(userInfo().username);
    vi.stubEnv('LOGNAME', 'ann');
    expect(actorName(undefined)).toBe('ann');
    vi.stubEnv('USER', 'bob');
    expect([actorName(undefined), actorName('cy')]).toEqual(['bob', 'cy']);
  });
});

describe('before the first release', { timeout: 120_000 }, () => {
  it('fleet and bidder say that nothing is released', async () => {
    const data = await mkdtemp(join(tmpdir(), 'vamo-empty-'));
    onTestFinished(() => rm(data, { recursive: true, force: true }));
    for (const args of [['fleet'], ['bidder', '--id', 'b1', '--port', '0']]) {
      const { code, answer } = await json(...args, '--data', data);
      expect([code, answer.error.code]).toEqual([1, 'RELEASE_NONE']);
      expect(answer.error.message).toContain('nothing is released yet');
      expect(answer.error.mend).toContain('vamo publish');
    }
  });

  it('what only reads makes no key, and no directory', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'vamo-empty-'));
    onTestFinished(() => rm(parent, { recursive: true, force: true }));
    const data = join(parent, 'typo');
    expect((await json('versions', '--data', data)).answer['champion']).toBeNull();
    const { answer } = await json('evaluate', '--data', data);
    expect(answer.error.message).toContain('nothing is released yet');
    await json('fleet', '--data', data);
    expect(await readdir(parent)).toEqual([]);
    // In a directory that is there, still no key.
    await json('rollback', '--reason', 'x', '--data', parent);
    await json('versions', '--data', parent);
    expect(await exists(join(parent, 'keys'))).toBe(false);
  });

  it('records without a trust root are not taken for none', async () => {
    const { data } = await released(1);
    await rm(join(data, 'keys'), { recursive: true });
    const { code, answer } = await json('versions', '--data', data);
    expect([code, answer.error.code]).toEqual([1, 'RELEASE_NONE']);
    expect(answer.error.message).toContain('root.json');
  });
});

describe('vamo bidder', { timeout: 120_000 }, () => {
  it('on a busy port and with a broken state file says what to do about it', async () => {
    const { data, store } = await released(1);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const busy = await json('bidder', '--id', 'b1', '--port', String(port), '--data', data);
    expect([busy.code, busy.answer.error.code]).toEqual([1, 'BIDDER_PORT']);
    expect(busy.answer.error.message).toContain('EADDRINUSE');
    expect(busy.answer.error.mend).toContain('--port');

    await store.put('fleet/b2/state.json', Buffer.from('{"schema":'));
    const broken = await json('bidder', '--id', 'b2', '--port', '0', '--data', data);
    expect([broken.code, broken.answer.error.code]).toEqual([1, 'STORE_CORRUPT']);
    expect(broken.answer.error.mend).toMatch(/[Rr]emove it/);
  });
});

describe('a configuration that only training would read', { timeout: 120_000 }, () => {
  it.each([
    [
      { method: 'vammo' },
      /training\.method: "vammo" \(did you mean "vamo"\?\); must be one of .*vamo/,
    ],
    [{ methodOptions: { lamda: 1 } }, /training\.methodOptions: .*lamda/],
  ])('fails before the work: %j', async (training, message) => {
    const parent = await mkdtemp(join(tmpdir(), 'vamo-method-'));
    onTestFinished(() => rm(parent, { recursive: true, force: true }));
    const file = join(parent, 'config.json');
    await writeFile(file, JSON.stringify({ training }));
    // What was taken in before: without it training is refused for want of it.
    await mkdir(join(parent, 'data/ledger/auction-events'), { recursive: true });
    for (const command of ['train', 'demo']) {
      const where = ['--data', join(parent, 'data'), '--config', file];
      const { code, answer } = await json(command, ...where);
      expect([code, answer.error.code]).toEqual([1, 'CONFIG_INVALID']);
      expect(answer.error.message).toMatch(message);
      expect(await exists(join(parent, 'data/config.json'))).toBe(false);
    }
  });
});
