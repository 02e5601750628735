import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scalesRequest } from '../../src/bidder/index.ts';
import type { LoadAnswer } from '../helpers/bidder-load.ts';
import { smallCampaign } from '../helpers/bidder-model.ts';
import { startChild } from '../helpers/bidder-process.ts';
import { finished, vamo } from '../helpers/cli.ts';
import { type Night, openWorkshop, type Versions, type Workshop } from '../helpers/pipeline.ts';

/** So few steps beat no champion; what is played here is everything after a gate that passes. */
const EASY_GATE = {
  gate: { floorVersusBangBang: 0, ratioVersusChampion: 1e-6 },
  fleet: { bidders: 2 },
};
const BODIES = Array.from({ length: 8 }, (_, i) => {
  const campaigns = ['store', 'direct', 'cart'].map((task, k) => smallCampaign(i * 3 + k, task));
  return JSON.stringify(scalesRequest('2026-01-12', (i * 5) % 40, campaigns));
});

interface Lineages extends Versions {
  readonly versions: readonly (Versions['versions'][number] & {
    readonly lineage: { readonly parent: string | null; readonly test: readonly { day: string }[] };
  })[];
}
interface Fleet {
  readonly bidders: readonly {
    readonly condition: string;
    readonly ack: { readonly port: number; readonly activeVersion: string };
  }[];
}

let workshop: Workshop;
let night: Night;
beforeAll(async () => {
  workshop = await openWorkshop();
  night = await workshop.night(EASY_GATE);
});
afterAll(() => workshop.clean());

/** Everything is held. */
const HARD_GATE = { gate: { ratioVersusChampion: 1000 } };

it('a demo whose gate passes lets the fleet bid, fine-tunes, rolls back and forward', async () => {
  const { code, stdout, stderr } = await vamo('demo', ...night.where);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/simulate {2}1 day from .*, the fleet bids for 9 campaigns/);
  expect(stdout).toMatch(/8 vamo steps on \w+ from the champion/);
  expect(stdout.match(/step sums equal to the ground truth/g)).toHaveLength(2);
  expect(stdout.match(/publish .*, 2 bidders live/g)).toHaveLength(2);

  const { champion, versions, releases } = await night.ok<Lineages>('versions');
  const [first, second] = versions;
  expect(versions).toHaveLength(2);
  expect([first?.lineage.parent, second?.lineage.parent]).toEqual([null, first?.version]);
  expect(second?.lineage.test[0]?.day).toBe('2026-01-10');
  expect(stdout).toMatch(new RegExp(`rollback +to ${first!.version}, 2 bidders follow`));
  expect(stdout).toMatch(new RegExp(`forward +to ${second!.version}, 2 bidders follow`));
  expect(releases.map((r) => [r['action'], r['version']])).toEqual([
    ['publish', first?.version],
    ['publish', second?.version],
    ['rollback', first?.version],
    ['rollback', second?.version],
  ]);
  expect(champion).toBe(second?.version);
}, 180_000);

it('vamo rollback under load fails no request and moves every bidder', async () => {
  const bidders = ['b1', 'b2'].map((id) => night.start('bidder', '--id', id, '--port', '0'));
  const ended = bidders.map(finished);
  try {
    const fleet = await night.ok<Fleet>('fleet', '--wait', '2', '--timeout', '60');
    const before = fleet.bidders[0]!.ack.activeVersion;
    const urls = fleet.bidders.map(({ ack }) => `http://127.0.0.1:${String(ack.port)}`);
    const plan = join(night.data, 'load.json');
    const out = join(night.data, 'answers.json');
    await writeFile(plan, JSON.stringify({ urls, bodies: BODIES, rate: 50, out }));
    const load = await startChild('bidder-load.ts', plan);
    const back = await night.ok('rollback', '--reason', 'under load', '--timeout', '60');
    const again = await night.ok('rollback', '--reason', 'under load', '--timeout', '60');
    expect(await load.end('SIGTERM')).toBe(0);

    expect(back).toMatchObject({ epoch: 5, bidders: 2, repeated: false });
    expect(back['version']).not.toBe(before);
    expect(again).toMatchObject({ epoch: 5, version: back['version'], repeated: true });
    const answers = JSON.parse(await readFile(out, 'utf8')) as LoadAnswer[];
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const seen = new Set(
      answers.map(({ text }) => (JSON.parse(text) as { version: string }).version),
    );
    expect(seen).toEqual(new Set([before, back['version']]));
  } finally {
    for (const bidder of bidders) bidder.kill('SIGTERM');
  }
  expect((await Promise.all(ended)).map(({ code }) => code)).toEqual([0, 0]);
}, 180_000);

it('a demo whose night is held after a rollback has nothing to go back and forward between', async () => {
  const held = await night.with(HARD_GATE);
  const { champion } = await held.ok<Versions>('versions');
  const { code, stdout, stderr } = await vamo('demo', ...held.where);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/gate +(hold|fail): /);
  expect(stdout).not.toMatch(/^\s*(rollback|forward) +to /m);
  expect(await held.ok<Versions>('versions')).toMatchObject({ champion, releases: { length: 5 } });
}, 180_000);
