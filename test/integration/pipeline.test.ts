import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BidderAck } from '../../src/bidder/index.ts';
import { jsonBytes } from '../../src/contracts/index.ts';
import { openRegistry } from '../../src/publisher/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { vamo } from '../helpers/cli.ts';
import { clientsPython, runClient } from '../helpers/clients-venv.ts';
import {
  closeDays,
  type DayDigests,
  type DayReport,
  filesUnder,
  FOURTH_TASK,
  type Night,
  openWorkshop,
  publish,
  SEALED,
  simulate,
  stopWhen,
  train,
  type Versions,
  type Workshop,
} from '../helpers/pipeline.ts';

interface Published {
  readonly version: string;
  readonly digest: string;
  readonly released: boolean;
  readonly gate: {
    readonly outcome: string;
    readonly reasons: readonly string[];
    readonly overridden: object | null;
  };
  readonly silent: readonly string[];
}

interface Evaluated {
  readonly policies: Record<string, readonly { readonly task: string }[]>;
  readonly unknownTasks?: readonly string[];
}

const tasksOf = ({ policies }: Evaluated): string[] =>
  [...new Set(policies['candidate']?.map((c) => c.task))].sort();

/** One night, each stage by its own command; what must be equal between equal nights. */
async function playNight(night: Night): Promise<{ days: DayDigests; checkpoint: string }> {
  const days = await closeDays(night);
  await train(night);
  const checkpoint = await publish(night);
  const { versions } = await night.ok<Versions>('versions');
  expect(versions.map((v) => v.digest)).toEqual([checkpoint]);
  return { days, checkpoint };
}

let workshop: Workshop;
let night: Night;
let played: Awaited<ReturnType<typeof playNight>>;
let again: typeof played;
beforeAll(async () => {
  workshop = await openWorkshop();
  night = await workshop.night();
  [played, again] = await Promise.all([playNight(night), playNight(await workshop.night())]);
}, 240_000);
afterAll(() => workshop.clean());

describe('one night', { timeout: 240_000 }, () => {
  it('gives the same digests in two data directories', () => {
    expect(again).toEqual(played);
    expect(new Set(Object.values(played.days)).size).toBe(SEALED.length);
    expect(played.checkpoint).toMatch(/^[0-9a-f]{64}$/);
  });

  it.concurrent('gives every day and the checkpoint other digests under another seed', async () => {
    const other = await playNight(await workshop.night({ simulator: { seed: 2 } }));
    for (const day of SEALED) expect(other.days[day]).not.toBe(played.days[day]);
    expect(other.checkpoint).not.toBe(played.checkpoint);
  });

  it.concurrent('changes only its own day when one event differs', async () => {
    const changed = await workshop.night();
    await simulate(changed);
    const day = await changeOneBid(changed);
    const days = await closeDays(changed);
    const differing = SEALED.filter((d) => days[d] !== played.days[d]);
    expect(differing).toEqual([day]);
    await bidDiffersFromTruth(changed, day);
    await train(changed);
    expect(await publish(changed)).not.toBe(played.checkpoint);
  });

  it.concurrent('goes on under other threads and checkpoints to the same version', async () => {
    const copy = await night.copy();
    await rm(join(copy.data, 'runs'), { recursive: true });
    const checkpoints = async () =>
      (await filesUnder(copy, 'runs')).filter((file) => file.includes('/checkpoints/'));
    const begun = await copy.with({ training: { threads: 2, checkpointEvery: 3 } });
    const stopped = await stopWhen(begun.start('train', '--fresh'), 'SIGINT', async () => {
      return (await checkpoints()).length > 0;
    });
    expect(stopped.code).toBe(130);
    const other = await copy.with({ training: { checkpointEvery: 7, evaluateEvery: 5 } });
    await train(other, '--fresh');
    const written = (await checkpoints()).map((file) => file.replace(/-[0-9a-f]{64}.*/, ''));
    const [run] = written[0]!.split('/checkpoints/');
    // One run: the second command went on with the first one's steps.
    expect(written).toEqual([
      `${run!}/checkpoints/step-00000021`,
      `${run!}/checkpoints/step-00000024`,
    ]);
    expect(await publish(other)).toBe(played.checkpoint);
  });

  it.concurrent('trains, publishes and serves a fourth task by configuration alone', async () => {
    const four = await workshop.night(FOURTH_TASK);
    await playNight(four);
    const document = await four.ok<Evaluated>('evaluate');
    expect(tasksOf(document)).toEqual(['cart', 'direct', 'repeat', 'store']);
  });
});

describe('a task that is added to a running system', { timeout: 240_000 }, () => {
  it('is in a fresh model, which the gate compares on the tasks that both know', async () => {
    const gate = { ratioVersusChampion: 0.01 };
    const four = await (await night.copy()).with({ ...FOURTH_TASK, gate });
    const { champion } = await four.ok<Versions>('versions');
    await four.ok('simulate', '--days', '4');
    await four.ok('ingest');
    // What was given with the task is what the directory keeps: without --config all goes on.
    const sealed = await vamo('seal', '--json', '--data', four.data);
    expect(sealed.code, sealed.stderr).toBe(0);

    const steps = async () =>
      (await filesUnder(four, 'runs')).filter((file) => file.includes('/checkpoints/'));
    const taken = await steps();
    const refused = await four.fails('CONFIG_INVALID', 'train');
    expect(refused.message).toContain(`champion ${champion!} knows store, direct, cart`);
    expect(refused.mend).toContain('--fresh');
    expect(await steps()).toEqual(taken);

    await train(four, '--fresh');
    const left = `repeat: champion ${champion!} does not know it, left out of the comparison`;
    const strict = await (await four.copy()).with({ gate: { ratioVersusChampion: 100 } });
    const forced = await strict.ok<Published>('publish', '--override', '--reason', 'a new task');
    expect([forced.released, forced.gate.outcome]).toEqual([true, 'fail']);
    expect(forced.gate.reasons.at(-1)).toBe(left);
    const { gate: decided, version, released } = await four.ok<Published>('publish');
    expect([decided.outcome, released]).toEqual(['pass', true]);
    expect(decided.reasons).toHaveLength(4);
    expect(decided.reasons.at(-1)).toBe(left);
    expect((await four.ok<Versions>('versions')).champion).toBe(version);

    const before = await four.ok<Evaluated>('evaluate', '--candidate', champion!);
    expect([tasksOf(before), before.unknownTasks]).toEqual([
      ['cart', 'direct', 'store'],
      ['repeat'],
    ]);
    const after = await four.ok<Evaluated>('evaluate');
    expect([tasksOf(after), after.unknownTasks]).toEqual([
      ['cart', 'direct', 'repeat', 'store'],
      undefined,
    ]);
    // Now the champion knows it.
    await train(four);
  });
});

describe('a night with a periodicity module', { timeout: 240_000 }, () => {
  const TEMPORAL = { model: { temporal: 'timesnet' } };

  it('publishes z of the served day, and a graph that gives its golden rows elsewhere', async () => {
    const temporal = await (await night.copy()).with(TEMPORAL);
    await train(temporal, '--fresh');
    const digest = await publish(temporal);
    expect(digest).not.toBe(played.checkpoint);
    const { versions } = await temporal.ok<Versions>('versions');
    const own = versions.find((v) => v.digest === digest);
    const store = await openDirectoryStore(temporal.data);
    const { manifest } = await openRegistry(store).readManifest(own?.version ?? '');
    expect(manifest.files.map(({ role }) => role)).toContain('temporal');
    const found = await clientsPython();
    if ('missing' in found) return;
    const client = await runClient(
      found.python,
      'verify_graph.py',
      temporal.data,
      own?.version ?? '',
    );
    expect([client.status, client.output]).toEqual([
      0,
      expect.stringContaining('golden rows reproduced'),
    ]);
  });
});

interface Verified {
  readonly differing: number;
  readonly days: readonly {
    readonly day: string;
    readonly compared: number | null;
    readonly differences: readonly { what: string; found: number; recorded: number }[];
  }[];
}

/** The simulator's truth finds the one sum that is a micro-unit larger, and nothing else. */
async function bidDiffersFromTruth(changed: Night, day: string): Promise<void> {
  const check = ['verify', '--truth', join(changed.data, 'truth')] as const;
  const { code, stdout } = await changed.run(...check);
  expect(code).toBe(1);
  const { days } = JSON.parse(stdout) as Verified;
  expect(days.map((one) => [one.day, one.differences.length])).toEqual(
    SEALED.map((one) => [one, one === day ? 1 : 0]),
  );
  const { what, found, recorded } = days.flatMap(({ differences }) => differences)[0]!;
  expect(what).toMatch(/^bid of campaign \S+ in step \d+$/);
  expect(found - recorded).toBe(1);
}

/** Raises one bid of the log by a micro-unit; the day it is of. */
async function changeOneBid({ data }: Night): Promise<string> {
  const path = join(data, 'log', 'auction-events-1.jsonl');
  const lines = (await readFile(path, 'utf8')).split('\n');
  const index = lines.findIndex((line) => isOutcomeOf(line, '2026-01-07'));
  const line = lines[index] ?? '';
  const changed = line.replace(/"bid":(\d+\.\d+)/, (_, bid: string) => {
    const micro = Math.round(Number(bid) * 1e6) + 1;
    return `"bid":${String(micro / 1e6)}`;
  });
  expect(changed).not.toBe(line);
  lines[index] = changed;
  await writeFile(path, lines.join('\n'));
  return '2026-01-07';
}

function isOutcomeOf(line: string, day: string): boolean {
  if (!line.includes('"kind":"outcome"')) return false;
  const { value } = JSON.parse(line) as { value: { event_time: number } };
  return new Date(value.event_time).toISOString().startsWith(day);
}

describe('days', () => {
  it('count every record once, with all faults in the data', async () => {
    const { days } = await night.ok<{ days: readonly DayReport[] }>('days');
    const sealed = days.filter((d) => d.generation !== null);
    expect(sealed.map((d) => d.day)).toEqual(SEALED);
    for (const d of sealed)
      expect(d.accepted + d.duplicate + d.late + d.dead_lettered).toBe(d.records);
    for (const count of ['accepted', 'duplicate', 'late', 'dead_lettered'] as const)
      expect(sealed.reduce((n, d) => n + d[count], 0)).toBeGreaterThan(0);
  });

  it('are what the simulator says, to the event', async () => {
    const truth = join(night.data, 'truth');
    const { differing, days } = await night.ok<Verified>('verify', '--truth', truth);
    expect([differing, days.map(({ day }) => day)]).toEqual([0, SEALED]);
    // 15 campaigns, 13 sums, 96 steps and the closing one.
    expect(days.map(({ compared }) => compared)).toEqual(SEALED.map(() => 15 * 13 * 97));
    await night.fails('STORE_NOT_FOUND', 'verify', '--truth', night.data);
  });

  it('answer SQL over what was sealed', async () => {
    const { days } = await night.ok<{ days: readonly DayReport[] }>('days');
    const { rows } = await night.ok<{ rows: unknown }>(
      'days',
      '--sql',
      'SELECT toString(day) AS day, count() AS accepted FROM events GROUP BY ALL ORDER BY ALL',
    );
    expect(rows).toEqual(
      days.filter((d) => d.generation !== null).map(({ day, accepted }) => ({ day, accepted })),
    );
    const open = days.filter((d) => d.generation === null);
    const missing = open.reduce((n, d) => n + d.records - d.dead_lettered, 0);
    expect(missing).toBeGreaterThan(0);
    const asked = await night.run('days', '--sql', 'SELECT count() AS n FROM events_now');
    expect(asked.stderr).toContain(`${missing} rows of open days are ingested but not loaded`);
  });
});

/** What is signed in a release record. */
async function signedRecord({ data }: Night, epoch: number): Promise<unknown> {
  const name = `${String(epoch).padStart(20, '0')}.json`;
  const text = await readFile(join(data, 'releases/production/1', name), 'utf8');
  const { payload } = JSON.parse(text) as { payload: string };
  return JSON.parse(Buffer.from(payload, 'base64').toString());
}

/** What a bidder that was stopped said last. */
const STOPPED: BidderAck = {
  schema: 'ack/v1',
  bidder: 'b1',
  pid: 1,
  port: 1,
  generation: 1,
  epoch: 1,
  state: 'stopped',
  activeVersion: null,
  activeDigest: null,
  reason: null,
  loadMs: 1,
  selfTestMaxError: 0,
  at: 1,
};

describe('releases', { timeout: 240_000 }, () => {
  it('hold what the gate refuses, record an override, roll back and forward', async () => {
    const strict = await night.with({
      training: { seed: 99, steps: 4 },
      gate: { ratioVersusChampion: 100 },
    });
    const { champion: first, ...before } = await strict.ok<Versions>('versions');
    await train(strict, '--fresh');
    const held = await strict.ok<Published>('publish');
    expect([held.released, held.gate.outcome === 'pass', held.gate.overridden]).toEqual([
      false,
      false,
      null,
    ]);
    expect((await strict.ok<Versions>('versions')).champion).toBe(first);

    await mkdir(join(strict.data, 'fleet/b1'), { recursive: true });
    await writeFile(join(strict.data, 'fleet/b1/ack.json'), jsonBytes(STOPPED));
    const reason = 'known shift in traffic';
    const forced = await strict.ok<Published>(
      ...['publish', '--override', '--reason', reason, '--actor', 'ann'],
    );
    expect([forced.version, forced.digest]).toEqual([held.version, held.digest]);
    expect([held.silent, forced.silent]).toEqual([[], ['b1']]);
    const after = await strict.ok<Versions>('versions');
    expect(after.champion).toBe(forced.version);
    expect(after.releases.at(-1)).toMatchObject({
      epoch: 2,
      action: 'publish',
      actor: 'ann',
      reason,
    });
    expect(await signedRecord(strict, 2)).toMatchObject({
      gate: { outcome: held.gate.outcome, overridden: { actor: 'ann', reason } },
    });

    const back = await strict.ok('rollback', '--reason', 'overspend', '--actor', 'bob');
    expect(back).toMatchObject({ epoch: 3, version: first });
    const rolled = await strict.ok<Versions>('versions');
    expect(rolled.champion).toBe(first);
    expect(rolled.versions.filter((v) => v.live).map((v) => v.version)).toEqual([first]);

    // The night repeated: the same version would pass, and is what was rolled back.
    const easy = await strict.with({ gate: { ratioVersusChampion: 1e-6 } });
    const again = await easy.ok<Published>('publish');
    expect([again.version, again.released, again.gate.outcome]).toEqual([
      forced.version,
      false,
      'hold',
    ]);
    const said = `${forced.version} was rolled back by epoch 3 (bob: "overspend")`;
    expect(again.gate.reasons.at(-1)).toContain(said);
    expect((await easy.ok<Versions>('versions')).champion).toBe(first);
    await strict.ok('rollback', '--to', forced.version, '--reason', 'it was not', '--actor', 'bob');
    expect((await easy.ok<Published>('publish')).gate.outcome).toBe('pass');
    const forward = await strict.ok<Versions>('versions');
    expect(forward.champion).toBe(forced.version);
    const digests = (v: Versions) => v.versions.map(({ version, digest }) => [version, digest]);
    expect(digests(forward)).toEqual(digests(after));
    expect(digests(forward)).toEqual(
      expect.arrayContaining(digests({ champion: null, ...before })),
    );
  });
});
