import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Job, Used } from './job.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const node = (file: string): string[] => [process.execPath, '--import', 'tsx', here(file)];

export type Contender = 'vamo' | 'engine' | 'python';

/** What a seal and a load of the day took. */
export interface Sealed {
  readonly rows: number;
  readonly sealSeconds: number;
  readonly sealCpuSeconds: number;
  readonly loadCpuSeconds: number;
  readonly rssMiB: number;
}

/** Runs a program to its end; the last line it printed, as JSON. */
function lastLine<T>(command: readonly string[], job: Job): Promise<T> {
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

export interface Course {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly rows: number;
  readonly partitions: number;
  readonly flushRows?: number;
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
  const root = mkdtempSync(`${folder}/${who}-`);
  const job: Job = { ...about, root, group: root.split('/').at(-1) ?? who };
  const command = {
    vamo: node('vamo-child.ts'),
    engine: node('engine-child.ts'),
    python: [python, here('python_peer.py')],
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
    return { ...used, sealed: await lastLine<Sealed>(node('seal-child.ts'), job) };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
