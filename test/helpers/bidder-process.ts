import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Child {
  readonly process: ChildProcess;
  /** The first line it printed. */
  readonly line: string;
  readonly errors: () => string;
  /** Ends it and gives its exit code, or the signal it died of. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

/** Starts a script of this folder in its own process and waits for its first line, or its end. */
export async function startChild(script: string, ...args: readonly string[]): Promise<Child> {
  const path = new URL(`./${script}`, import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  const lines = createInterface(child.stdout);
  const first = await Promise.race([once(lines, 'line'), exit.then(() => [''])]);
  return {
    process: child,
    line: String(first[0]),
    errors: () => errors,
    async end(signal) {
      child.kill(signal);
      const [code, died] = await exit;
      return code ?? died ?? 'unknown';
    },
  };
}
