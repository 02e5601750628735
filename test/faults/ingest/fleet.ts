import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { StoreSettings } from '../../../src/contracts/index.ts';
import type { IngesterOptions } from '../../../src/ingest/index.ts';
import type { Failure, Step } from './faulty-store.ts';

export interface ChildOptions {
  readonly root: string;
  readonly store: StoreSettings;
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly topic: string;
    readonly groupId: string;
    readonly sessionTimeoutMs: number;
  };
  readonly tasks: readonly { readonly id: string }[];
  readonly ingest: IngesterOptions['ingest'];
}

export type ToChild =
  | { readonly type: 'stop' }
  | { readonly type: 'die at'; readonly step: Step }
  | { readonly type: 'fail'; readonly failure: Failure; readonly calls: number }
  | { readonly type: 'step clock'; readonly ms: number };
export type FromChild =
  | { readonly type: 'ready' }
  | {
      readonly type: 'ended';
      readonly code: string | null;
      readonly retriable: boolean;
      readonly message: string;
    };

export interface Member {
  readonly process: ChildProcess;
  state: 'starting' | 'running' | 'stopped' | 'leaving' | 'gone';
  send(message: ToChild): void;
  /** Settles when the process is gone. */
  readonly gone: Promise<void>;
}

export interface Fleet {
  /** Ingesters that run now. */
  running(): Member[];
  join(): void;
  /** How often ingesters ended, by the error they ended with. */
  readonly endings: Record<string, number>;
  /** Ends that no fault explains. */
  readonly unexpected: string[];
  /** Keeps no ingester alive any more and ends them in order. */
  close(): Promise<void>;
  kill(): void;
}

/**
 * Keeps `size` ingesters of one group running: one that ends is replaced, as a service manager would.
 * @param sharesDirectory false: each has a data directory of its own, as on a host of its own
 */
export function createFleet(options: ChildOptions, size: number, sharesDirectory: boolean): Fleet {
  const members = new Set<Member>();
  const endings: Record<string, number> = {};
  const unexpected: string[] = [];
  let made = 0;
  let isClosing = false;

  function join_(): void {
    made += 1;
    const root = sharesDirectory ? options.root : join(options.root, `host-${made}`);
    const child = fork(
      new URL('./ingester-child.ts', import.meta.url),
      [JSON.stringify({ ...options, root })],
      { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    const member: Member = {
      process: child,
      state: 'starting',
      send(message) {
        if (child.connected) child.send(message, () => undefined);
      },
      gone: once(child, 'exit').then(() => undefined),
    };
    members.add(member);
    child.on('message', (message: FromChild) => {
      if (message.type === 'ready') member.state = 'running';
      else ended(message);
    });
    child.once('exit', (code, signal) => {
      members.delete(member);
      member.state = 'gone';
      if (signal === null && code !== 0) unexpected.push(`exit code ${String(code)}`);
      if (!isClosing && members.size < size) join_();
    });
  }

  function ended({ code, retriable, message }: Extract<FromChild, { type: 'ended' }>): void {
    endings[code ?? 'stopped'] = (endings[code ?? 'stopped'] ?? 0) + 1;
    if (code !== null && !retriable) unexpected.push(message);
  }

  for (let i = 0; i < size; i++) join_();
  return {
    running: () => [...members].filter(({ state }) => state === 'running'),
    join: join_,
    endings,
    unexpected,
    async close() {
      isClosing = true;
      for (const member of members) member.send({ type: 'stop' });
      await Promise.all([...members].map(({ gone }) => gone));
    },
    kill() {
      isClosing = true;
      for (const member of members) member.process.kill('SIGKILL');
    },
  };
}
