/**
 * From a Kafka topic to durable rows: our ingester against ClickHouse's own Kafka engine and against
 * Python with librdkafka, over one topic, each as a process of its own; CPU a row is the figure.
 *   --rows N, --partitions P, --repeat R, --json
 *   --scale   how cost grows: rows up to 30 times as many, 1, 4 and 16 partitions, two ingesters, and
 *             a seal of the 10-fold; --most N leaves out what has more rows than N
 *   --fresh   only how old an event is when a question sees it
 *   --short   100,000 rows and no peers
 * Exit code: 1 when a contender loses or doubles rows, 2 when a peer cannot be set up. Timings are
 * printed beside their bars and never judged.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../src/config/index.ts';
import { quantile } from '../src/core/index.ts';
import { startRegistry } from '../test/helpers/schema-registry.ts';
import { SCHEMAS } from './ingest/avro.ts';
import { type Freshness, timeFreshness } from './ingest/freshness.ts';
import { type Restart, timeRestart } from './ingest/restart.ts';
import {
  type Contender,
  type Course,
  type Sealed,
  buildChildren,
  runContender,
  topicOf,
} from './ingest/run.ts';
import { EnvironmentError, preparePython } from './peers/environment.ts';
import { benchOptions } from './options.ts';

const given = benchOptions('From a Kafka topic to durable rows, against ClickHouse and Python.', {
  rows: { type: 'string', default: '1000000' },
  partitions: { type: 'string', default: '4' },
  repeat: { type: 'string', default: '3' },
  'flush-rows': { type: 'string' },
  most: { type: 'string', default: '30000000' },
  ours: { type: 'boolean', default: false },
  scale: { type: 'boolean', default: false },
  fresh: { type: 'boolean', default: false },
  short: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
});
const SHORT_ROWS = 100_000;
const PORT = 19492;
const cache = fileURLToPath(new URL('../.cache/', import.meta.url));
const script = fileURLToPath(new URL('../scripts/kafka.sh', import.meta.url));
const log = (line: string): void => console.error(line);

function count(name: 'rows' | 'partitions' | 'repeat' | 'flush-rows' | 'most'): number {
  const value = Number(given[name]);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`--${name} ${String(given[name])}: not a whole number of at least 1`);
  return value;
}

type Result = Awaited<ReturnType<typeof runContender>>;
const usPerRow = ({ cpuSeconds, rows }: Result): number => (cpuSeconds * 1e6) / rows;
const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Contenders take turns, so that a busy moment of the machine meets them alike. */
async function race(names: readonly Contender[], course: Course, repeat: number, seals = true) {
  const runs = new Map<Contender, Result[]>(names.map((name) => [name, []]));
  for (let r = 0; r < repeat; r++)
    for (const name of names) {
      const result = await runContender(name, course, 1, seals && name === 'vamo' && r === 0);
      runs.get(name)!.push(result);
      log(`${name}: ${usPerRow(result).toFixed(2)} us a row, ${result.rssMiB.toFixed(0)} MiB`);
    }
  return runs;
}

function summary(results: readonly Result[]) {
  const us = results.map(usPerRow);
  return {
    usPerRow: median(us),
    least: Math.min(...us),
    most: Math.max(...us),
    rowsPerCoreSecond: 1e6 / median(us),
    rowsPerSecond: median(results.map(({ rows, seconds }) => rows / seconds)),
    rssMiB: Math.max(...results.map(({ rssMiB }) => rssMiB)),
  };
}

function withBroker<T>(work: (brokers: string[]) => Promise<T>): Promise<T> {
  // Large topics are not kept; those of the comparison are used again.
  const folder = `${cache}bench-ingest/${given.scale ? 'scale-broker' : 'broker'}`;
  execFileSync(script, ['start', folder, String(PORT)], { stdio: ['ignore', 2, 2] });
  const stop = given.scale ? 'wipe' : 'stop';
  return work([`127.0.0.1:${PORT}`]).finally(() => execFileSync(script, [stop, folder]));
}

/** A Python with what the peer needs. */
const librdkafka = (): string =>
  preparePython(
    fileURLToPath(new URL('ingest/requirements.txt', import.meta.url)),
    `${cache}bench-ingest/venv`,
    log,
  );

async function compare(brokers: readonly string[]) {
  const [rows, partitions] = [given.short ? SHORT_ROWS : count('rows'), count('partitions')];
  const names: Contender[] = given.short || given.ours ? ['vamo'] : ['vamo', 'engine', 'python'];
  const python = names.includes('python') ? librdkafka() : '';
  log(`${rows} records in ${partitions} partitions`);
  const { topic, bytes } = await topicOf(brokers, python, { rows, partitions });
  const flush = given['flush-rows'] === undefined ? {} : { flushRows: count('flush-rows') };
  const folder = `${cache}bench-ingest/runs`;
  const course: Course = { brokers, topic, rows, partitions, folder, python, ...flush };
  const repeat = given.short ? 1 : count('repeat');
  const runs = await race(names, course, repeat);
  return {
    rows,
    partitions,
    bytes,
    avro: await avro(course, repeat),
    restart: given.short ? undefined : await timeRestart(course),
    fresh: given.short ? undefined : await fresh(brokers),
    contenders: Object.fromEntries([...runs].map(([name, results]) => [name, summary(results)])),
    sealed: runs.get('vamo')![0]!.sealed!,
  };
}

/** With the settings that are the default. */
async function fresh(brokers: readonly string[]): Promise<Freshness> {
  const { ingest, clickhouse } = await loadConfig();
  const [{ flushMs }, { applyMs }] = [ingest, clickhouse];
  return timeFreshness({ brokers, folder: `${cache}bench-ingest/runs`, flushMs, applyMs });
}

/** The same events in Avro, through a schema registry of our own. */
async function avro(course: Course, repeat: number) {
  const { rows, partitions, brokers, python } = course;
  const { topic, bytes } = await topicOf(brokers, python, { rows, partitions, form: 'avro' });
  const registry = await startRegistry(SCHEMAS);
  try {
    const runs = await race(['vamo'], { ...course, topic, registry: registry.url }, repeat, false);
    return { bytes, ...summary(runs.get('vamo') ?? []) };
  } finally {
    await registry.close();
  }
}

async function scale(brokers: readonly string[]) {
  const python = librdkafka();
  const rows = count('rows');
  const folder = `${cache}bench-ingest/runs`;
  const found = [];
  const most = count('most');
  const SEALED = 10 * rows;
  const sizes = [
    ...[1, 4, 16].map((partitions) => ({ rows, partitions, processes: 1 })),
    { rows, partitions: 4, processes: 2 },
    ...[10, 30].map((times) => ({ rows: rows * times, partitions: 4, processes: 1 })),
  ].filter((size) => size.rows <= most);
  for (const { processes, ...size } of sizes) {
    log(`${size.rows} records in ${size.partitions} partitions, ${processes} ingesters`);
    const { topic } = await topicOf(brokers, python, size);
    const course: Course = { brokers, topic, ...size, folder, python };
    const first = await runContender('vamo', course, processes, size.rows === SEALED);
    const results = [first];
    if (size.rows === rows) results.push(await runContender('vamo', course, processes));
    found.push({ ...size, processes, ...summary(results), sealed: first.sealed });
  }
  return found;
}

const against = (name: string, value: number, bar: string, note = ''): string =>
  `  ${name.padEnd(46)} ${value.toFixed(2)}; bar ${bar}${note}`;

const restartLine = ({ seconds, sessionSeconds }: Restart): string =>
  against('restart after SIGKILL to first commit, s', seconds, `at most ${sessionSeconds + 2}`) +
  `: session timeout ${sessionSeconds} and 2`;

const freshLine = ({ mostSeconds, medianSeconds, flushMs, applyMs, events }: Freshness): string =>
  against('produced to seen in events_now, most, s', mostSeconds, `at most ${flushMs / 1000 + 2}`) +
  `; median ${medianSeconds.toFixed(2)} of ${events}, flushMs ${flushMs}, applyMs ${applyMs}`;

function sealedLines(sealed: Sealed): string[] {
  const us = (cpuSeconds: number): number => (cpuSeconds * 1e6) / sealed.rows;
  const { segmentCpuSeconds, loadCpuSeconds, sealSeconds, sealCpuSeconds } = sealed;
  return [
    against('segments into ClickHouse, us CPU a row', us(segmentCpuSeconds), 'at most 1'),
    against('sealed day into ClickHouse, us CPU a row', us(loadCpuSeconds), 'at most 1') +
      `; peak ${sealed.loadRssMiB.toFixed(0)} MiB`,
    against('seal, s a million rows', us(sealSeconds), 'at most 1.5') +
      `; ${us(sealCpuSeconds).toFixed(2)} s CPU`,
    against('seal, peak memory, MiB', sealed.sealRssMiB, 'at most 2048') + `; ${sealed.rows} rows`,
  ];
}

function report(r: Awaited<ReturnType<typeof compare>>): string {
  const lines = [`${r.rows} records of ${r.bytes} bytes in ${r.partitions} partitions`];
  for (const [name, s] of Object.entries(r.contenders))
    lines.push(
      `  ${name.padEnd(8)} ${s.usPerRow.toFixed(2)} us CPU a row (${s.least.toFixed(2)} to ${s.most.toFixed(2)}), ` +
        `${s.rowsPerCoreSecond.toFixed(0)} rows/s a core, ${s.rowsPerSecond.toFixed(0)} rows/s by the clock, ${s.rssMiB.toFixed(0)} MiB`,
    );
  const { vamo, engine, python } = r.contenders;
  lines.push(against('us CPU a row', vamo!.usPerRow, 'at most 8'));
  lines.push(against('thousand events/s a core', vamo!.rowsPerCoreSecond / 1e3, 'at least 110'));
  lines.push(against('peak memory, MiB', vamo!.rssMiB, 'at most 256'));
  if (engine)
    lines.push(
      against('CPU, vamo / Kafka engine', vamo!.usPerRow / engine.usPerRow, 'at most 0.5'),
    );
  if (python)
    lines.push(against('CPU, vamo / Python', vamo!.usPerRow / python.usPerRow, 'at most 1'));
  lines.push(
    against('Avro, thousand events/s a core', r.avro.rowsPerCoreSecond / 1e3, 'at least 130') +
      `; ${r.avro.bytes} bytes, ${r.avro.usPerRow.toFixed(2)} us CPU a row`,
  );
  if (r.restart) lines.push(restartLine(r.restart));
  if (r.fresh) lines.push(freshLine(r.fresh));
  lines.push(...sealedLines(r.sealed));
  return lines.join('\n');
}

function scaleReport(rows: Awaited<ReturnType<typeof scale>>): string {
  const head = 'records    partitions  ingesters  us CPU a row  rows/s by the clock  MiB';
  return [
    head,
    ...rows.map((r) =>
      [
        String(r.rows).padEnd(11),
        String(r.partitions).padEnd(12),
        String(r.processes).padEnd(11),
        r.usPerRow.toFixed(2).padEnd(14),
        r.rowsPerSecond.toFixed(0).padEnd(21),
        r.rssMiB.toFixed(0),
      ].join(''),
    ),
    ...rows.flatMap(({ sealed }) => (sealed ? sealedLines(sealed) : [])),
  ].join('\n');
}

try {
  const [loadBefore] = loadavg();
  buildChildren();
  const result = await withBroker<{ text: string; json: object }>(async (brokers) => {
    if (given.scale) {
      const table = await scale(brokers);
      return { text: scaleReport(table), json: { scale: table } };
    }
    if (given.fresh) {
      const found = await fresh(brokers);
      return { text: freshLine(found), json: { fresh: found } };
    }
    const compared = await compare(brokers);
    return { text: report(compared), json: compared };
  });
  const machine = { cores: availableParallelism(), architecture: process.arch, loadBefore };
  if (given.json) console.log(JSON.stringify({ ...result.json, machine }));
  else
    console.log(
      `${result.text}\nmachine: ${machine.cores} cores, load ${loadBefore!.toFixed(1)} before`,
    );
} catch (error) {
  if (!(error instanceof EnvironmentError || error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
