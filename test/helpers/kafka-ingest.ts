import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { SourceRecord } from '../../src/contracts/index.ts';
import { silentLogger } from '../../src/core/index.ts';
import {
  createFileSink,
  createFileSource,
  createIngester,
  createKafkaSink,
  createKafkaSource,
  createTopic,
  type IngestStats,
} from '../../src/ingest/index.ts';
import { findOrphans, openDataDirectory, openLedger } from '../../src/store/index.ts';

/** Long enough that a busy machine does not evict living members; each kill waits for its end. */
const SESSION_MS = 3000;

export interface IngestSettings {
  readonly tasks: readonly { readonly id: string }[];
  readonly ingest: {
    readonly flushRows: number;
    readonly flushMs: number;
    readonly maxBadShare: number;
  };
}

export interface ChildOptions extends IngestSettings {
  readonly root: string;
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly topic: string;
    readonly groupId: string;
    readonly sessionTimeoutMs: number;
  };
}

type Point = 'buffered' | 'filed';
export type ToChild =
  | { readonly type: 'arm'; readonly at: Point }
  | { readonly type: 'disarm' }
  | { readonly type: 'stop' };
export type FromChild =
  | { readonly type: 'ready' }
  | {
      readonly type: 'standing';
      readonly at: string;
      readonly partition: number;
      readonly uncommitted: number;
    }
  | { readonly type: 'stats'; readonly stats: IngestStats };

/** A kill that landed: where, and how many records were read but not in the ledger. */
interface Kill {
  readonly at: Point;
  readonly partition: number;
  readonly uncommitted: number;
}

export interface KillRun {
  readonly kills: Kill[];
  /** Files no ledger entry names, at the end. */
  readonly orphans: string[];
  /** Records that had to be read again: lost with a killed process, or dropped by a living one. */
  readonly reread: number;
  /** Of the ingesters that lived to the end. */
  readonly stats: IngestStats[];
}

interface Child {
  readonly process: ChildProcess;
  /** The next message of a type. */
  next<T extends FromChild['type']>(type: T): Promise<Extract<FromChild, { type: T }>>;
  send(message: ToChild): void;
}

function startChild(options: ChildOptions): Child {
  const child = fork(
    new URL('./kafka-ingest-child.ts', import.meta.url),
    [JSON.stringify(options)],
    { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  return {
    process: child,
    next: (type) =>
      new Promise((resolve, reject) => {
        const onMessage = (message: FromChild): void => {
          if (message.type !== type) return;
          child.off('message', onMessage);
          resolve(message as never);
        };
        child.on('message', onMessage);
        // Killed by us, or ended as told: whoever still waits then no longer needs an answer.
        child.once('exit', (code) => {
          if (code !== null && code !== 0) reject(new Error(`ingester failed before "${type}"`));
        });
      }),
    send(message) {
      if (child.connected) child.send(message);
    },
  };
}

/** Waits until the ledgers of a data directory reach the topic's ends. */
async function caughtUp(
  options: ChildOptions,
  children: readonly Child[],
  limitMs: number,
): Promise<void> {
  const { store } = await openDataDirectory(options.root);
  const { topic } = options.kafka;
  const ends = await createKafkaSource({ ...options.kafka, log: silentLogger }).ends();
  for (const start = Date.now(); ; await wait(100)) {
    const tails = await Promise.all(ends.map((_, p) => openLedger(store, topic, p).tail()));
    if (tails.every((tail, p) => Number(tail) >= ends[p]!)) return;
    const ended = children.find((child) => child.process.exitCode !== null);
    if (ended || Date.now() - start > limitMs)
      throw new Error(`ingest stands at ${tails.join(', ')} of ${ends.join(', ')}`);
  }
}

/**
 * Writes records to a topic in waves while two ingester processes share its partitions. In every wave
 * one ingester that has uncommitted records, or files without their ledger entry, is killed with
 * SIGKILL at that very point and another takes its place. Ends when everything is committed.
 */
export async function ingestKafkaWithKills(
  options: IngestSettings & {
    readonly address: string;
    readonly topic: string;
    readonly partitions: number;
    readonly root: string;
    readonly records: readonly SourceRecord[];
    readonly points: readonly Point[];
  },
): Promise<KillRun> {
  const { address, topic, partitions, root, records, points, tasks, ingest } = options;
  const brokers = [address];
  await createTopic({ brokers, topic, partitions });
  const sink = await createKafkaSink({ brokers, topic });
  const kafka = { brokers, topic, groupId: `${topic}-group`, sessionTimeoutMs: SESSION_MS };
  const childOptions: ChildOptions = { root, kafka, tasks, ingest };
  const start = (): Child => startChild(childOptions);
  let children = [start(), start()];
  await Promise.all(children.map((child) => child.next('ready')));

  const kills: Kill[] = [];
  const waves = points.length + 1;
  const size = Math.ceil(records.length / waves);
  for (let wave = 0; wave < waves; wave++) {
    const at = points[wave];
    const standing = children.map((child) =>
      child.next('standing').then((message) => ({ child, message })),
    );
    if (at) for (const child of children) child.send({ type: 'arm', at });
    await sink.write(records.slice(wave * size, (wave + 1) * size));
    if (!at) break;
    const { child, message } = await Promise.race(standing);
    child.process.kill('SIGKILL');
    await once(child.process, 'exit');
    kills.push({ at, partition: message.partition, uncommitted: message.uncommitted });
    const survivor = children.find((other) => other !== child)!;
    survivor.send({ type: 'disarm' });
    children = [survivor, start()];
  }
  await sink.close();
  await caughtUp(childOptions, children, 60_000).catch((error: unknown) => {
    for (const child of children) child.process.kill('SIGKILL');
    throw error;
  });
  const ended = children.map((child) => child.next('stats'));
  for (const child of children) child.send({ type: 'stop' });
  const stats = (await Promise.all(ended)).map((message) => message.stats);

  const { store } = await openDataDirectory(root);
  const lost = kills.reduce((total, kill) => total + kill.uncommitted, 0);
  const reread = stats.reduce((total, { reread: again }) => total + again, lost);
  return { kills, orphans: await findOrphans(store), reread, stats };
}

/** Takes the same records through a log directory, in one process. */
export async function ingestFileLog(
  options: IngestSettings & {
    readonly directory: string;
    readonly topic: string;
    readonly partitions: number;
    readonly root: string;
    readonly records: readonly SourceRecord[];
  },
): Promise<IngestStats> {
  const { root, records, tasks, ingest } = options;
  const sink = await createFileSink(options);
  await sink.write(records);
  await sink.close();
  const { store } = await openDataDirectory(root);
  const ingester = createIngester({
    source: createFileSource(options),
    store,
    tasks,
    utcOffsetMinutes: 0,
    ingest,
    clock: () => performance.now(),
    log: silentLogger,
  });
  return ingester.run({ until: 'end' });
}
