import { throwIfAborted } from '../core/index.ts';
import type { Context } from './context.ts';

/** Runs the stages of a long command; each ends with one line: its name, its figure, its time. */
export interface Stages {
  run(name: string, work: () => Promise<string>): Promise<void>;
  run<T>(name: string, work: () => Promise<readonly [string, T]>): Promise<T>;
}

export function createStages(context: Context): Stages {
  async function run<T>(
    name: string,
    work: () => Promise<string | readonly [string, T]>,
  ): Promise<T | undefined> {
    throwIfAborted(context.signal);
    const started = performance.now();
    const result = await work();
    const [line, value] = typeof result === 'string' ? [result, undefined] : result;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    context.say(`  ${name.padEnd(9)} ${line}  (${seconds} s)`);
    return value;
  }
  return { run };
}
