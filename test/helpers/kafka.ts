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
  /** Where its files are; a secure broker's certificate is `tls/ca.pem` there. */
  readonly data: string;
  /** Ends the broker with SIGKILL and starts it again on its data, `awayMs` later. */
  killAndRestart(awayMs?: number): Promise<void>;
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

/** A port free together with the next ones: the controller's, and those of a secure broker. */
async function freePort(count: number): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    const others = Array.from({ length: count - 1 }, (_, i) => listenOnce(port + 1 + i));
    const found = await Promise.allSettled(others);
    if (found.every(({ status }) => status === 'fulfilled')) return port;
  }
}

/**
 * Starts a real Apache Kafka broker on a free port, fetching it on first use. A secure one listens
 * with credentials two ports above its address, with those and TLS three, with TLS alone four above.
 */
export async function startBroker(form: 'open' | 'secure' = 'open'): Promise<Broker> {
  const data = await mkdtemp(join(tmpdir(), 'vamo-kafka-'));
  const isSecure = form === 'secure';
  const port = String(await freePort(isSecure ? 5 : 2));
  const start = ['start', data, port, ...(isSecure ? [form] : [])];
  const { stdout } = await call(SCRIPT, start);
  return {
    data,
    address: stdout.trim().split('\n').at(-1) ?? '',
    async killAndRestart(awayMs = 0) {
      const pidFile = join(data, 'pid');
      process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL');
      await rm(pidFile);
      // Its port and its files are free once the process is gone.
      while (!(await listenOnce(Number(port)).catch(() => 0))) await wait(50);
      await wait(awayMs);
      await call(SCRIPT, start);
    },
    async wipe() {
      await call(SCRIPT, ['wipe', data]);
    },
  };
}
