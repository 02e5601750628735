import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vamo } from '../helpers/cli.ts';
import {
  closeDays,
  type DayDigests,
  type DayReport,
  exists,
  filesUnder,
  flipBit,
  FOURTH_TASK,
  fullUnder,
  type Night,
  openWorkshop,
  publish,
  sealedDigests,
  simulate,
  stopWhen,
  train,
  type Versions,
  type Workshop,
} from '../helpers/pipeline.ts';

let workshop: Workshop;
/** Sealed days; the same with a run; the same with a release. */
let sealed: Night;
let trained: Night;
let released: Night;
let reference: { days: DayDigests; candidate: string; checkpoint: string };
beforeAll(async () => {
  workshop = await openWorkshop();
  sealed = await workshop.night();
  const days = await closeDays(sealed);
  trained = await sealed.copy();
  const candidate = await train(trained);
  released = await trained.copy();
  reference = { days, candidate, checkpoint: await publish(released) };
}, 240_000);
afterAll(() => workshop.clean());

/** The first file under a folder whose path matches. */
async function fileOf(night: Night, folder: string, name: RegExp): Promise<string> {
  const found = (await filesUnder(night, folder)).find((path) => name.test(path));
  if (found === undefined) throw new Error(`no ${String(name)} under ${folder}`);
  return found;
}

describe.concurrent('damage', { timeout: 240_000 }, () => {
  it('of a segment is named by the seal; restored, it goes on', async () => {
    const night = await sealed.copy();
    await rm(join(night.data, 'days'), { recursive: true });
    const segment = await fileOf(night, 'seg/day=2026-01-06', /\.arrow$/);
    const restore = await flipBit(night, segment);
    expect((await night.fails('STORE_CORRUPT', 'seal')).message).toContain(segment);
    await truncate(join(night.data, segment), 1000);
    expect((await night.fails('STORE_CORRUPT', 'seal')).message).toContain(segment);
    expect(await exists(night, 'days/2026-01-06/g0001/manifest.json')).toBe(false);
    await restore();
    await night.ok('seal');
    expect(await sealedDigests(night)).toEqual(reference.days);
  });

  it('of a sealed day stops training, naming the file', async () => {
    const night = await sealed.copy();
    for (const name of [/events-/, /steps-/]) {
      const key = await fileOf(night, 'days/2026-01-07/g0001', name);
      const restore = await flipBit(night, key);
      expect((await night.fails('STORE_CORRUPT', 'train')).message).toContain(key);
      await restore();
    }
    await night.fails('STORE_NOT_FOUND', 'publish');
  });

  it('is none when a day is amended: an interrupted run goes on with what it pinned', async () => {
    const night = await sealed.copy();
    const begun = async (): Promise<boolean> =>
      (await filesUnder(night, 'runs')).some((path) => path.includes('checkpoints/'));
    expect((await stopWhen(night.start('train'), 'SIGKILL', begun)).code).toBeNull();
    const { days } = await night.ok<{ days: DayReport[] }>('days');
    const { day } = days.find(({ generation, late }) => generation !== null && late > 0)!;
    expect(await night.ok('amend', day)).toMatchObject({ changed: true, generation: 2 });
    expect(await train(night)).toBe(reference.candidate);
    await publish(night);
    const { stale, champion } = await night.ok<Versions & { stale: unknown[] }>('versions');
    expect(stale).toEqual([{ version: champion, days: [{ day, trained: 1, newest: 2 }] }]);
    await night.ok('verify');
  });

  it('of the queryable copy is found by verify and mended by rebuild', async () => {
    const night = await sealed.copy();
    const torn = (await filesUnder(night, 'clickhouse/store')).filter((f) =>
      f.endsWith('data.bin'),
    );
    expect(torn.length).toBeGreaterThan(3);
    for (const file of torn) await truncate(join(night.data, file), 20);
    expect((await night.run('verify')).code).toBe(1);
    await night.ok('rebuild', '--all');
    await night.ok('verify', '2026-01-07');
    await rm(join(night.data, 'clickhouse'), { recursive: true });
    await night.ok('rebuild', '--day', '2026-01-07');
    await night.ok('verify', '2026-01-07');
    const steps = await fileOf(night, 'days/2026-01-07/g0001', /steps-/);
    const restore = await flipBit(night, steps);
    const { code, stdout } = await night.run('verify', '2026-01-07');
    expect([code, stdout]).toEqual([1, expect.stringContaining(steps)]);
    await restore();
  });

  it('of a day that was made anew is told, and no difference until an undo asks for it', async () => {
    const night = await sealed.copy();
    const day = '2026-01-07';
    const file = await fileOf(night, `days/${day}/g0001`, /events-/);
    await flipBit(night, file);
    const before = await night.run('verify', day);
    expect(before.code).toBe(1);
    expect(before.stdout.match(/bytes with digest/g)).toHaveLength(2);
    const log = join(night.data, 'log/*.jsonl');
    const { id } = await night.ok<{ id: string }>(
      ...['backfill', '--from', day, '--to', day, '--files', log, '--mode', 'replace'],
    );
    const { days } = await night.ok<{ days: unknown[] }>('verify');
    expect(days).toHaveLength(5);
    expect(days).toContainEqual(
      expect.objectContaining({
        ...{ day, generation: 2, differences: [] },
        superseded: [expect.objectContaining({ generation: 1, what: file })],
      }),
    );
    const told = await vamo('verify', day, ...night.where);
    expect([told.code, told.stdout]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(`^${day} g2 \\(backfill\\) ok: .*\n  superseded g1: ${file}: found `),
      ),
    ]);
    expect(told.stdout).toContain('g2 takes nothing over from it');
    const undone = await night.fails('STORE_CORRUPT', 'backfill', '--undo', id);
    expect(undone.message).toContain(file);
    expect((await night.run('verify', day)).code).toBe(1);
  });

  it('of the newest training checkpoint goes back to the one before; of all, it is said', async () => {
    const night = await trained.copy();
    const states = (await filesUnder(night, 'runs')).filter((f) => f.includes('checkpoints/'));
    expect(states).toHaveLength(2);
    await flipBit(night, states[1] ?? '');
    expect(await train(night)).toBe(reference.candidate);
    for (const state of await filesUnder(night, 'runs'))
      if (state.includes('checkpoints/')) await flipBit(night, state);
    await night.fails('CHECKPOINT_INVALID', 'train');
  });

  it('of a finished run is not published', async () => {
    const night = await trained.copy();
    const graph = await fileOf(night, 'runs', /graph\.onnx$/);
    await flipBit(night, graph);
    expect((await night.fails('STORE_CORRUPT', 'publish')).message).toContain(graph);
    expect((await night.ok<Versions>('versions')).champion).toBeNull();
  });

  it('of a published graph is refused by the evaluation and by a bidder', async () => {
    const night = await released.copy();
    const graph = await readFile(join(night.data, await fileOf(night, 'runs', /graph\.onnx$/)));
    for (const blob of await filesUnder(night, 'models/blobs'))
      if ((await readFile(join(night.data, blob))).equals(graph)) await flipBit(night, blob);
    await night.fails('CHECKPOINT_INVALID', 'evaluate');

    interface Fleet {
      readonly bidders: readonly { readonly condition: string; readonly ack: { reason: string } }[];
    }
    const bidder = night.start('bidder', '--id', 'b1', '--port', '0');
    const ack = join(night.data, 'fleet/b1/ack.json');
    let fleet: Fleet = { bidders: [] };
    await stopWhen(bidder, 'SIGTERM', async () => {
      const text = await readFile(ack, 'utf8').catch(() => '');
      if (!text.includes('CHECKPOINT_INVALID')) return false;
      fleet = await night.ok<Fleet>('fleet');
      return true;
    });
    expect(fleet.bidders.map((b) => b.condition)).toEqual(['rejected']);
    expect(fleet.bidders[0]?.ack.reason).toContain('CHECKPOINT_INVALID');
  });

  it('of a signed release record is not believed', async () => {
    const night = await released.copy();
    const path = join(night.data, await fileOf(night, 'releases', /\.json$/));
    const envelope = JSON.parse(await readFile(path, 'utf8')) as { payload: string };
    const payload = Buffer.from(envelope.payload, 'base64').toString();
    const altered = Buffer.from(payload.replace('tester', 'nobody')).toString('base64');
    expect(altered).not.toBe(envelope.payload);
    await writeFile(path, JSON.stringify({ ...envelope, payload: altered }));
    const { champion, refused } = await night.ok<Versions>('versions');
    expect([champion, refused]).toEqual([
      null,
      [expect.objectContaining({ epoch: 1, code: 'RELEASE_SIGNATURE' })],
    ]);
    await night.fails('VERSION_UNKNOWN', 'evaluate');
    // Whatever the floor would say: there was a champion, and nobody can tell which.
    const held = await night.ok<{ gate: { outcome: string }; released: boolean }>('publish');
    expect([held.gate.outcome, held.released]).toEqual(['hold', false]);
    expect(await publish(night)).toBe(reference.checkpoint);
    const { releases } = await night.ok<Versions>('versions');
    expect(releases).toMatchObject([{ epoch: 3 }]);
  });
});

describe.concurrent('training is refused', { timeout: 240_000 }, () => {
  it('without a day of the window, and on a day that is not sealed', async () => {
    const night = await sealed.copy();
    const open = await night.fails('WINDOW_INCOMPLETE', 'train', '--day', '2026-01-10');
    expect(open.message).toContain('lacks 2026-01-10');
    await rm(join(night.data, 'days/2026-01-07'), { recursive: true });
    expect((await night.fails('WINDOW_INCOMPLETE', 'train')).message).toContain('lacks 2026-01-07');
    await night.ok('seal');
    expect(await sealedDigests(night)).toEqual(reference.days);
  });

  it('for a task without campaigns', async () => {
    const night = await (await sealed.copy()).with({ tasks: FOURTH_TASK.tasks });
    expect((await night.fails('TRAIN_EMPTY_TASK', 'train')).message).toContain('"repeat"');
  });

  it('once a loss is not finite; what was trained before stays', async () => {
    const night = await trained.copy();
    const optimiser = { learningRate: 1e30, warmupSteps: 0, clipNorm: 0 };
    const absurd = await night.with({ training: { optimiser } });
    await absurd.fails('TRAIN_NOT_FINITE', 'train');
    expect(await publish(night)).toBe(reference.checkpoint);
  });
});

describe('a full disk', { timeout: 240_000 }, () => {
  it('stops every stage with nothing half-written; with space it goes on to the same', async () => {
    const night = await workshop.night();
    await fullUnder(100, night, 'simulate', '--days', '6');
    await simulate(night);
    await fullUnder(40, night, 'ingest');
    await night.ok('ingest');
    await fullUnder(300, night, 'seal');
    expect(await filesUnder(night, 'days')).toEqual([]);
    await night.ok('seal');
    expect(await sealedDigests(night)).toEqual(reference.days);
    await fullUnder(40, night, 'train');
    await night.fails('STORE_NOT_FOUND', 'publish');
    expect(await train(night)).toBe(reference.candidate);
    await fullUnder(100, night, 'publish', '--override', '--reason', 'x');
    const { versions, champion } = await night.ok<Versions>('versions');
    expect([versions, champion]).toEqual([[], null]);
    expect(await publish(night)).toBe(reference.checkpoint);
  });

  it('under the queryable copy leaves the sealed days whole; with space it is loaded', async () => {
    const night = await sealed.copy();
    await rm(join(night.data, 'clickhouse'), { recursive: true });
    await fullUnder(24, night, 'seal');
    expect(await sealedDigests(night)).toEqual(reference.days);
    await night.ok('seal');
    const { rows } = await night.ok<{ rows: unknown[] }>(
      ...(['days', '--sql', 'SELECT day, sum(cost) FROM events GROUP BY day'] as const),
    );
    expect(rows).toHaveLength(Object.keys(reference.days).length);
  });
});
