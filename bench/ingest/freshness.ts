import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { quantile } from '../../src/core/index.ts';
import { createKafkaSink, createTopic } from '../../src/ingest/index.ts';
import { outcomeEvent, recordOf } from '../../test/helpers/ingest-records.ts';
import { node } from './run.ts';

const EVERY_MS = 200;
const LOOK_MS = 50;
const LIMIT_MS = 120_000;

export interface Freshness {
  readonly flushMs: number;
  readonly applyMs: number;
  readonly events: number;
  /** From the time a record is handed to the producer until its row is counted in `events_now`. */
  readonly medianSeconds: number;
  readonly mostSeconds: number;
}

/** Starts a command that runs on, and waits for the address that it prints. */
async function start(args: readonly string[], address: RegExp) {
  const [program = '', ...rest] = node('../../src/cli/main.js');
  const child = spawn(program, [...rest, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      const found = address.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    void ended.then(() => reject(new Error(`vamo ${args.join(' ')} ended: ${text}`)));
  });
  return { child, ended, url };
}

async function stop({ child, ended }: { child: ChildProcess; ended: Promise<unknown> }) {
  child.kill('SIGTERM');
  await ended;
}

/** Rows that a question sees; 0 before there is a table. */
async function rowsSeen(url: string): Promise<number> {
  const query = encodeURIComponent('SELECT count() FROM events_now FORMAT TSV');
  const answer = await fetch(`${url}/?query=${query}`);
  return answer.ok ? Number(await answer.text()) : 0;
}

/**
 * Sends an event every 200 ms for two flushes and a half, through `vamo ingest --follow` and `vamo
 * clickhouse serve`, and tells how old each is when a question first sees it.
 * @throws Error when one does not come
 */
export async function timeFreshness(course: {
  readonly brokers: readonly string[];
  readonly folder: string;
  readonly flushMs: number;
  readonly applyMs: number;
}): Promise<Freshness> {
  const { brokers, folder, flushMs, applyMs } = course;
  mkdirSync(folder, { recursive: true });
  const root = mkdtempSync(`${folder}/freshness-`);
  const topic = `freshness-${String(Date.now())}`;
  const config = `${root}/config-given.json`;
  const source = { kind: 'kafka', topic, partitions: 1, kafka: { brokers, groupId: topic } };
  const settings = { source, ingest: { flushMs }, clickhouse: { applyMs } };
  writeFileSync(config, JSON.stringify(settings));
  const events = Math.ceil((2.5 * flushMs) / EVERY_MS);
  const sentMs: number[] = [];
  const ages: number[] = [];
  const running: Awaited<ReturnType<typeof start>>[] = [];
  await createTopic({ brokers, topic, partitions: 1 });
  const sink = await createKafkaSink({ brokers, topic });
  try {
    const given = ['--data', `${root}/data`, '--config', config];
    running.push(await start(['ingest', '--follow', '--metrics', '0', ...given], /metrics: (\S+)/));
    const served = await start(['clickhouse', 'serve', ...given], /ClickHouse at ([^;\s]+)/);
    running.push(served);
    const send = async (): Promise<void> => {
      for (let i = 0; i < events; i++) {
        sentMs.push(performance.now());
        await sink.write([recordOf(outcomeEvent({ event_id: `f-${String(i)}` }))]);
        await wait(EVERY_MS);
      }
    };
    const look = async (): Promise<void> => {
      const endMs = performance.now() + 2.5 * flushMs + LIMIT_MS;
      while (ages.length < events) {
        const seen = await rowsSeen(served.url);
        // One partition: rows come in the order in which they were sent.
        const nowMs = performance.now();
        for (const at of sentMs.slice(ages.length, seen)) ages.push(nowMs - at);
        if (nowMs > endMs) throw new Error(`${seen} of ${events} events are to be seen`);
        await wait(LOOK_MS);
      }
    };
    await Promise.all([send(), look()]);
  } finally {
    await sink.close();
    for (const one of running) await stop(one);
    rmSync(root, { recursive: true, force: true });
  }
  const [medianSeconds, mostSeconds] = [quantile(ages, 0.5) / 1000, Math.max(...ages) / 1000];
  return { flushMs, applyMs, events, medianSeconds, mostSeconds };
}
