import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { STEPS } from '../../src/core/index.ts';
import { sealDay } from '../../src/days/index.ts';
import { initialParameters, parameterPlan } from '../../src/model/index.ts';
import { openRegistry } from '../../src/publisher/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { exportCandidate } from '../../src/trainer/candidate/export.ts';
import { NORMALISER, smallDraft, TASKS } from '../helpers/bidder-model.ts';
import { clientsPython, runClient } from '../helpers/clients-venv.ts';
import { ingestFileLog } from '../helpers/kafka-ingest.ts';
import { simConfig, simulateDays } from '../helpers/sim-world.ts';
import { tinyModel, refOf, walk } from '../helpers/trainer.ts';

const found = await clientsPython();
const python = 'python' in found ? found.python : '';
if ('missing' in found) console.warn(`\n*** PYTHON CLIENT TESTS SKIPPED: ${found.missing} ***\n`);

const DEMO = fileURLToPath(new URL('../../config/demo.json', import.meta.url));
const BATCH = 4;

let root: string;
let data: string;
let version: string;

/** Two small days from a simulated log, through ingest and seal. */
async function sealTwoDays(): Promise<void> {
  const config = await simConfig({ auctionsPerDay: 150 });
  const days = await simulateDays(config, 2);
  await ingestFileLog({
    root: data,
    directory: join(root, 'log'),
    topic: config.source.topic,
    partitions: 2,
    records: days.flatMap((day) => [...day.records]),
    tasks: config.tasks,
    ingest: config.ingest,
  });
  const store = await openDirectoryStore(data);
  for (const { day } of days)
    await sealDay({ store, engineDir: join(root, 'engine'), day, config });
}

/** A version of an untrained model, whose golden rows may be those of other parameters. */
async function putVersion(seed: number, goldenSeed = seed): Promise<string> {
  const io = { tasks: TASKS.length, steps: STEPS, features: STATE_FEATURES };
  const plan = parameterPlan(tinyModel, io);
  const exported = (from: number) =>
    exportCandidate({
      settings: tinyModel,
      plan,
      io,
      models: [initialParameters(plan, from)],
      normaliser: NORMALISER,
      batch: BATCH,
      trajectories: TASKS.map((id, task) => refOf(walk(task, 40 + task, id))),
    });
  const { files } = await exported(seed);
  const { golden } = (await exported(goldenSeed)).files;
  const registry = openRegistry(await openDirectoryStore(data));
  const draft = smallDraft(seed, { files: { ...files, golden } });
  return (await registry.putCheckpoint(draft)).manifest.version;
}

/** The data directory again, to be damaged. */
async function copy(): Promise<string> {
  const folder = await mkdtemp(join(root, 'copy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(data, folder, { recursive: true });
  return folder;
}

async function flipMiddle(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
}

describe.skipIf('missing' in found)('clients in Python', () => {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'vamo-clients-'));
    data = join(root, 'data');
    await sealTwoDays();
    version = await putVersion(1);
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  /** The file of the first day's only generation whose name begins so. */
  const sealedFile = async (folder: string, name: string): Promise<string> => {
    const [first] = (await readdir(join(folder, 'days'))).sort();
    const [generation] = await readdir(join(folder, 'days', first!));
    const inside = join(folder, 'days', first!, generation!);
    return join(
      inside,
      (await readdir(inside)).find((file) => file.startsWith(name))!,
    );
  };
  const days = (folder: string, config = DEMO) =>
    runClient(python, 'verify_partition.py', folder, '--config', config);

  it('recompute every sum of the sealed days from their events', async () => {
    const { status, output } = await days(data);
    expect([status, output]).toEqual([0, expect.stringMatching(/^(.* all sums equal\n){2}$/)]);
  });

  it.each(['events', 'steps'])('find a flipped bit in %s', async (file) => {
    const folder = await copy();
    await flipMiddle(await sealedFile(folder, file));
    const { status, output } = await days(folder);
    expect([status, output]).toEqual([1, expect.stringMatching(/DIFFERS: sha256 of .*\n.* ok: /)]);
  });

  it('find a manifest that promises other contents', async () => {
    const folder = await copy();
    const path = await sealedFile(folder, 'manifest.json');
    const manifest = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...manifest, stepsDigest: '0'.repeat(64) }));
    const { status, output } = await days(folder);
    expect([status, output]).toEqual([1, expect.stringContaining('DIFFERS: stepsDigest')]);
  });

  it('find sums that do not follow from the events', async () => {
    const config = join(root, 'other-reserve.json');
    const demo = JSON.parse(await readFile(DEMO, 'utf8')) as { market?: object };
    await writeFile(config, JSON.stringify({ ...demo, market: { ...demo.market, reserve: 9 } }));
    const { status, output } = await days(data, config);
    expect([status, output]).toEqual([1, expect.stringMatching(/DIFFERS: campaign .* lwc/)]);
  });

  it('reproduce the golden rows of a published graph', async () => {
    const { status, output } = await runClient(python, 'verify_graph.py', data, version);
    expect([status, output]).toEqual([0, expect.stringContaining('golden rows reproduced')]);
  });

  it('find golden rows of other parameters', async () => {
    const other = await putVersion(2, 1);
    const { status, output } = await runClient(python, 'verify_graph.py', data, other);
    expect([status, output]).toEqual([1, expect.stringMatching(/FAILED: logAlpha: differs by/)]);
  });

  it('find a flipped bit of a published graph', async () => {
    const folder = await copy();
    const { files } = (await openRegistry(await openDirectoryStore(folder)).readManifest(version))
      .manifest;
    const { sha256 } = files.find(({ role }) => role === 'graph')!;
    await flipMiddle(
      join(folder, 'models', 'blobs', 'sha256', sha256.slice(0, 2), sha256.slice(2)),
    );
    const { status, output } = await runClient(python, 'verify_graph.py', folder, version);
    expect([status, output]).toEqual([1, expect.stringMatching(/FAILED: graph: expected sha256/)]);
  });
});
