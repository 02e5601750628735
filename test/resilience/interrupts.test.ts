import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureKeys } from '../../src/publisher/index.ts';
import type { RunRecord } from '../../src/trainer/run-record.ts';
import {
  closeDays,
  type DayDigests,
  exists,
  filesUnder,
  interrupted,
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

/** Many small commits, and enough training left to be stopped in. */
const CONFIG = { ingest: { flushRows: 400 }, training: { steps: 60 } };
interface Trained {
  readonly outcome: { readonly digest: string };
  readonly resumedAt: number | null;
}

/** A process that was asked to stop has this long to do so, on a busy machine. */
const STOP_MS = 10_000;

let workshop: Workshop;
let reference: { days: DayDigests; candidate: string; checkpoint: string };
beforeAll(async () => {
  workshop = await openWorkshop();
  const night = await workshop.night(CONFIG);
  reference = {
    days: await closeDays(night),
    candidate: await train(night),
    checkpoint: await publish(night),
  };
}, 240_000);
afterAll(() => workshop.clean());

/** True once a file lies under the folder whose name matches. */
const hasFile = (night: Night, folder: string, name: RegExp) => async (): Promise<boolean> =>
  (await filesUnder(night, folder)).some((path) => name.test(path));

/** Stops a command in the middle and checks how it ended. */
async function stop(
  night: Night,
  signal: NodeJS.Signals,
  condition: () => Promise<boolean>,
  ...args: readonly string[]
): Promise<void> {
  const result = await stopWhen(night.start(...args), signal, condition);
  if (signal === 'SIGKILL') {
    expect([result.code, result.stdout], args.join(' ')).toEqual([null, '']);
    return;
  }
  interrupted(result);
  expect(result.stoppedMs).toBeLessThan(STOP_MS);
}

describe.concurrent('a night', { timeout: 240_000 }, () => {
  it.each(['SIGINT', 'SIGKILL'] as const)(
    'stopped by %s in every stage goes on and ends with the same digests',
    async (signal) => {
      const night = await workshop.night(CONFIG);
      await stop(night, signal, () => exists(night, 'simulation.json'), 'simulate', '--days', '90');
      await simulate(night);

      await stop(night, signal, hasFile(night, 'ledger', /\.json$/), 'ingest');
      await night.ok('ingest');

      const written = hasFile(night, 'work/sealer/seal/output', /events\.arrow$/);
      await stop(night, signal, written, 'seal');
      await night.ok('seal');
      expect(await sealedDigests(night)).toEqual(reference.days);

      await stop(night, signal, hasFile(night, 'runs', /checkpoints/), 'train', '--day', LAST_DAY);
      await night.fails('STORE_NOT_FOUND', 'publish');
      const trained = await night.ok<Trained>('train', '--day', LAST_DAY);
      expect(trained.outcome.digest).toBe(reference.candidate);
      expect(trained.resumedAt).toBeGreaterThan(0);

      await stopOrFinish(night, signal);
      expect(await publish(night)).toBe(reference.checkpoint);
      const { versions, releases } = await night.ok<Versions>('versions');
      expect(versions.map((v) => v.digest)).toEqual([reference.checkpoint]);
      expect(releases).toHaveLength(1);
    },
  );

  it('waiting for a fleet ends at Ctrl-C', async () => {
    const night = await workshop.night(CONFIG);
    await ensureKeys(join(night.data, 'keys'));
    const started = performance.now();
    await night.ok('versions');
    const waitMs = 1500 + 2 * (performance.now() - started);
    const since = performance.now();
    const waiting = () => Promise.resolve(performance.now() - since > waitMs);
    await stop(night, 'SIGINT', waiting, 'fleet', '--wait', '1', '--timeout', '600');
  });

  it('of the demo, stopped while sealing and while training, goes on to the same version', async () => {
    const night = await workshop.night(CONFIG);
    const written = hasFile(night, 'work/sealer/seal/output', /events\.arrow$/);
    await stop(night, 'SIGINT', written, 'demo');
    await stop(night, 'SIGINT', hasFile(night, 'runs', /checkpoints/), 'demo');
    const { nights } = await night.ok<{ nights: readonly { readonly testDay: string }[] }>('demo');
    expect(nights.map((n) => n.testDay)).toEqual([LAST_DAY, '2026-01-10']);
    const { versions } = await night.ok<Versions>('versions');
    expect(versions[0]?.digest).toBe(reference.checkpoint);
    // The second night went out from a champion, and is held against it as it served.
    const read = async (path: string): Promise<unknown> =>
      JSON.parse(await readFile(join(night.data, 'runs', path), 'utf8'));
    const { runKey } = (await read('latest.json')) as { runKey: string };
    const { replay } = (await read(join(runKey, 'run.json'))) as RunRecord;
    const policies = replay?.policies ?? {};
    expect(Object.keys(policies)).toContain('champion');
    expect(Object.keys(policies)).not.toContain('initial');
  });
});

/** The newest day that is sealed whether or not more days were simulated. */
const LAST_DAY = '2026-01-09';

/** A publish is short: it may have ended before the signal reached it. */
async function stopOrFinish(night: Night, signal: NodeJS.Signals): Promise<void> {
  const publish = night.start('publish', '--override', '--reason', 'first', '--actor', 'tester');
  const result = await stopWhen(publish, signal, hasFile(night, 'models', /blobs/));
  expect([0, signal === 'SIGKILL' ? null : 130]).toContain(result.code);
}
