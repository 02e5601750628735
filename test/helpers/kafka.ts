import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../scripts/kafka.sh', import.meta.url));
const call = promisify(execFile);

export interface Broker {
  readonly address: string;
  /** Ends the broker with SIGKILL and starts it again on its data. */
  killAndRestart(): Promise<void>;
  /** Ends the broker and deletes its data. */
  wipe(): Promise<void>;
}

/** Why no broker can be had here; undefined when one can. */
export function brokerMissing(): string | undefined {
  for (const [tool, flag] of [
    ['java', '-version'],
    ['mvn', '-v'],
  ] as const)
    try {
      execFileSync(tool, [flag], { stdio: 'ignore' });
    } catch {
      return `${tool} is not installed (Java 17 and Maven are needed for a Kafka broker)`;
    }
  return undefined;
}

export function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** A port free together with the next one, which the controller takes. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if (await listenOnce(port + 1).catch(() => 0)) return port;
  }
}

/** Starts a real Apache Kafka broker on a free port, fetching it on first use. */
export async function startBroker(): Promise<Broker> {
  const data = await mkdtemp(join(tmpdir(), 'vamo-kafka-'));
  const port = String(await freePort());
  const { stdout } = await call(SCRIPT, ['start', data, port]);
  return {
    address: stdout.trim().split('\n').at(-1) ?? '',
    async killAndRestart() {
      const pidFile = join(data, 'pid');
      process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL');
      await rm(pidFile);
      // Its port and its files are free once the process is gone.
      while (!(await listenOnce(Number(port)).catch(() => 0))) await wait(50);
      await call(SCRIPT, ['start', data, port]);
    },
    async wipe() {
      await call(SCRIPT, ['wipe', data]);
    },
  };
}
