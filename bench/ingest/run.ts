import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Job, Used } from './job.ts';
import type { BenchTopic, TopicSize } from './topic.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const built = `${root}.cache/bench-ingest/js/`;
export const node = (file: string): string[] => [process.execPath, `${built}bench/ingest/${file}`];

/** Compiles what the children run, as the product is: the loader for sources slows closures down. */
export function buildChildren(): void {
  const flags = ['--noCheck', '--noEmit', 'false', '--outDir', built, '--rootDir', root];
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  execFileSync(process.execPath, [tsc, '-p', `${root}tsconfig.json`, ...flags]);
  for (const name of ['config', 'package.json']) {
    rmSync(`${built}${name}`, { force: true });
    symlinkSync(`${root}${name}`, `${built}${name}`);
  }
}

export type Contender = 'vamo' | 'engine' | 'python';

/** What a seal and a load of the day took. */
export interface Sealed {
  readonly rows: number;
  readonly segmentCpuSeconds: number;
  readonly sealSeconds: number;
  readonly sealCpuSeconds: number;
  readonly sealRssMiB: number;
  readonly loadCpuSeconds: number;
  readonly loadRssMiB: number;
}

/** Runs a program to its end; the last line it printed, as JSON. */
export function lastLine<T>(command: readonly string[], job: Job | TopicSize): Promise<T> {
  const [program = '', ...rest] = command;
  const child = spawn(program, [...rest, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (part: Buffer) => (text += part.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(text.trim().split('\n').at(-1) ?? '') as T);
      else reject(new Error(`${command.join(' ')} ended with ${code}`));
    });
  });
}

/** A topic of that size; one made before is used again. @param python one with librdkafka, or '' */
export const topicOf = (
  brokers: readonly string[],
  python: string,
  size: Omit<TopicSize, 'producer'>,
): Promise<BenchTopic> =>
  lastLine([...node('topic-child.js'), brokers.join()], {
    ...size,
    producer: python === '' ? undefined : [python, `${root}bench/ingest/python_producer.py`],
  });

export interface Course {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly rows: number;
  readonly partitions: number;
  readonly flushRows?: number;
  readonly registry?: string;
  /** Where runs leave their files; each has a folder of its own, removed at its end. */
  readonly folder: string;
  readonly python: string;
}

/** One contender over the whole topic; several processes of it share a group and a folder. */
export async function runContender(
  who: Contender,
  course: Course,
  processes = 1,
  seals = false,
): Promise<Used & { readonly sealed?: Sealed }> {
  const { folder, python, ...about } = course;
  mkdirSync(folder, { recursive: true });
  const own = mkdtempSync(`${folder}/${who}-`);
  const job: Job = { ...about, root: own, group: own.split('/').at(-1) ?? who };
  const command = {
    vamo: node('vamo-child.js'),
    engine: node('engine-child.js'),
    python: [python, `${root}bench/ingest/python_peer.py`],
  }[who];
  try {
    const all = Array.from({ length: processes }, () => lastLine<Used>(command, job));
    const each = await Promise.all(all);
    const sum = (of: (used: Used) => number): number => each.reduce((a, used) => a + of(used), 0);
    const used: Used = {
      rows: sum(({ rows }) => rows),
      cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
      seconds: Math.max(...each.map(({ seconds }) => seconds)),
      rssMiB: Math.max(...each.map(({ rssMiB }) => rssMiB)),
    };
    if (used.rows !== course.rows)
      throw new Error(`${who}: ${used.rows} rows of ${course.rows} records`);
    if (!seals) return used;
    const segments = await lastLine<Pick<Sealed, 'segmentCpuSeconds'>>(
      node('segments-child.js'),
      job,
    );
    const sealed = await lastLine<Sealed>(node('seal-child.js'), job);
    return { ...used, sealed: { ...sealed, ...segments } };
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}
