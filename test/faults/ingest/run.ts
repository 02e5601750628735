// npm run test:faults:ingest -- --faults 200 --seed 7 [--store directory|s3] [--short] [--json]
import { Command } from 'commander';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { loadConfig } from '../../../src/config/index.ts';
import type { StoreSettings } from '../../../src/contracts/index.ts';
import { dayKey, dayStartMs, seededRandom, silentLogger } from '../../../src/core/index.ts';
import { sealDay } from '../../../src/days/index.ts';
import { createIngester, createKafkaSource, createTopic } from '../../../src/ingest/index.ts';
import {
  type ObjectStore,
  openDataDirectory,
  openLedger,
  openStore,
  readLedgers,
  removeOrphans,
} from '../../../src/store/index.ts';
import { committedDeadLetters, committedRows } from '../../helpers/ingest-rows.ts';
import { brokerMissing, startBroker } from '../../helpers/kafka.ts';
import { startS3Server } from '../../helpers/s3-server.ts';
import { planFaults, type World } from './faults.ts';
import { startFeeder } from './feeder.ts';
import { createFleet } from './fleet.ts';
import { readTopic, topicEnds } from './oracle.ts';
import { isSound, tally } from './tally.ts';

interface Options {
  readonly faults: string;
  readonly seed: string;
  readonly store: string;
  readonly short?: boolean;
  readonly json?: boolean;
}

const TOPIC = 'faults';
const PARTITIONS = 6;
const INGESTERS = 3;
const SESSION_MS = 6000;
const CATCH_UP_MS = 180_000;

const options = new Command('test:faults:ingest')
  .option('--faults <count>', 'how many faults', '200')
  .option('--seed <seed>', 'which ones', '1')
  .option('--store <kind>', 'directory, or s3: a server of our own that misbehaves', 'directory')
  .option('--short', 'twelve faults that need no restart of the broker')
  .option('--json', 'print one JSON object')
  .parse()
  .opts<Options>();
const count = options.short === true ? 12 : Number(options.faults);
const seed = Number(options.seed);
const startedMs = Date.now();
const say = (line: string): void => {
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0).padStart(4);
  process.stderr.write(`${seconds} s  ${line}\n`);
};

const missing = brokerMissing();
if (missing !== undefined) {
  say(`not run: ${missing}`);
  process.exit(1);
}
Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' });
const folder = await mkdtemp(join(tmpdir(), 'vamo-faults-'));
const config = await loadConfig();
const { tasks } = config;
const ingest = { flushRows: 200, flushMs: 300, maxBadShare: 0.9 };
const broker = await startBroker();
const server = options.store === 's3' ? await startS3Server() : undefined;
const settingsOf = (prefix: string): StoreSettings =>
  server === undefined
    ? { kind: 'directory' }
    : {
        kind: 's3',
        endpoint: server.endpoint,
        region: 'us-east-1',
        bucket: 'bucket',
        prefix,
        pathStyle: true,
      };
say(`Kafka on ${broker.address}; ${count} faults of seed ${seed}, store: ${options.store}`);

/** Waits until everything in the topic is committed. */
async function caughtUp(store: ObjectStore): Promise<void> {
  const ends = await topicEnds(broker.address, TOPIC);
  const ledgers = ends.map((_, p) => openLedger(store, TOPIC, p));
  for (const begun = Date.now(); ; await wait(200)) {
    const tails = await Promise.all(ledgers.map((ledger) => ledger.tail()));
    if (tails.every((tail, p) => Number(tail) >= ends[p]!)) return;
    if (Date.now() - begun > CATCH_UP_MS)
      throw new Error(`ingest stands at ${tails.join(', ')} of ${ends.join(', ')}`);
  }
}

/** The same topic taken in by one ingester that nothing happens to. */
async function ingestUndisturbed(store: ObjectStore): Promise<void> {
  const kafka = { brokers: [broker.address], topic: TOPIC, groupId: 'undisturbed' };
  const source = createKafkaSource({ ...kafka, sessionTimeoutMs: 30_000, log: silentLogger });
  const clock = (): number => performance.now();
  const ingester = createIngester({
    source,
    store,
    tasks,
    utcOffsetMinutes: 0,
    ingest: { ...ingest, flushRows: 5000, flushMs: 5000 },
    clock,
    log: silentLogger,
  });
  await ingester.run({ until: 'end' });
}

async function digestsOf(store: ObjectStore, work: string): Promise<Record<string, string>> {
  const days = [...(await committedRows(store)).keys()];
  const digests: Record<string, string> = {};
  const source = { ...config.source, topic: TOPIC, partitions: PARTITIONS };
  for (const day of days) {
    const sealed = await sealDay({
      store,
      engineDir: join(folder, work),
      day: dayKey(day),
      config: { ...config, source },
    });
    const { accepted, duplicate, late, dead_lettered: dead } = sealed.counts;
    digests[day] = `${sealed.digest} ${accepted}+${duplicate}+${late}+${dead}`;
  }
  return digests;
}

async function main(): Promise<boolean> {
  await createTopic({ brokers: [broker.address], topic: TOPIC, partitions: PARTITIONS });
  const root = join(folder, 'data');
  const kafka = { brokers: [broker.address], topic: TOPIC, groupId: 'ingest' };
  const fleet = createFleet(
    {
      root,
      store: settingsOf('faulty'),
      kafka: { ...kafka, sessionTimeoutMs: SESSION_MS },
      tasks,
      ingest,
    },
    INGESTERS,
    server === undefined,
  );
  try {
    const feeder = startFeeder({
      address: broker.address,
      topic: TOPIC,
      partitions: PARTITIONS,
      startMs: dayStartMs(dayKey('2026-01-05')),
      random: seededRandom(seed, 1),
    });
    const random = seededRandom(seed, 2);
    const background: Promise<void>[] = [];
    const world: World = {
      fleet,
      feeder,
      broker,
      server,
      random,
      background,
      sessionTimeoutMs: SESSION_MS,
    };
    const done: Record<string, number> = {};
    for (const [i, fault] of planFaults(count, random, options.short === true).entries()) {
      await fault.run(world);
      done[fault.name] = (done[fault.name] ?? 0) + 1;
      feeder.progress = (i + 1) / count;
      say(`${String(i + 1).padStart(3)}/${count} ${fault.name}`);
    }
    server?.faults.splice(0);
    await Promise.all(background);
    await feeder.finish();
    say('faults done; catching up');
    const store = await openStore(root, settingsOf('faulty'));
    await caughtUp(store);
    await fleet.close();

    say('holding what is stored against the topic');
    const found = tally(await readTopic(broker.address, TOPIC), {
      rows: [...(await committedRows(store)).values()].flat(),
      deadLetters: await committedDeadLetters(store),
      entries: await readLedgers(store),
      ends: await topicEnds(broker.address, TOPIC),
    });
    say('the same topic without faults');
    const clean = await openDataDirectory(join(folder, 'clean'), { settings: settingsOf('clean') });
    await ingestUndisturbed(clean.store);
    // Nobody writes any more: every orphan may go, and the days must still seal to the same.
    const orphans = (await removeOrphans(store, Infinity)).old.length;
    const sealed = await digestsOf(store, 'seal-faulty');
    const sealedClean = await digestsOf(clean.store, 'seal-clean');
    const isEqual = JSON.stringify(sealed) === JSON.stringify(sealedClean);
    const { endings, unexpected } = fleet;
    const ok = isSound(found) && isEqual && unexpected.length === 0;
    const seconds = Math.round((Date.now() - startedMs) / 1000);
    const result = {
      ok,
      seed,
      store: options.store,
      seconds,
      faults: done,
      ...found,
      orphans,
      endings,
      unexpected,
      sealed,
      sealedWithoutFaults: isEqual ? 'equal' : sealedClean,
    };
    if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
    else process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return ok;
  } finally {
    fleet.kill();
  }
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
} finally {
  await broker.wipe();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
}
process.exit();
