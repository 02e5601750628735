import {
  ERROR_CODES,
  type ErrorCode,
  siblingModule,
  startWorker,
  VamoError,
} from '../core/index.ts';
import type { MarketSums } from '../contracts/index.ts';
import type { PlanRequest } from '../features/index.ts';
import type { Scales, ServedFiles } from './model.ts';
import type { HostMessage, WorkerInput, WorkerMessage } from './worker-messages.ts';

/** A version in its worker thread, seen from the thread that answers requests. */
export interface ModelHost {
  readonly selfTestMaxError: number;
  readonly batchMs: number;
  /** False once the worker has ended, wanted or not. */
  readonly alive: boolean;
  /** @param requests all of one day */
  answer(requests: readonly PlanRequest[]): Promise<Scales>;
  /** Whether answers for a day are made with the day's own temporal table, or none is needed. */
  knows(day: string): boolean;
  /** Computes a day's temporal table from the market of the days before it, oldest first. */
  learn(day: string, market: readonly MarketSums[]): Promise<void>;
  /** Lets the questions already asked be answered, then ends the worker. */
  retire(): Promise<void>;
}

type Answered = Extract<WorkerMessage, { kind: 'answer' | 'learned' }>;

interface Waiting {
  readonly resolve: (answered: Answered) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Starts a worker, loads the version in it and waits until it has passed its self-test.
 * @throws VamoError CHECKPOINT_INVALID, CHECKPOINT_SELFTEST, ENGINE_GRAPH
 */
export async function startModelHost(files: ServedFiles, threads = 1): Promise<ModelHost> {
  const workerData: WorkerInput = { files, threads };
  const worker = startWorker(siblingModule(import.meta.url, 'model-worker'), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  const waiting = new Map<number, Waiting>();
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  let alive = true;
  let asked = 0;
  let drained: (() => void) | undefined;

  function settle(id: number, use: (waiting: Waiting) => void): void {
    const entry = waiting.get(id);
    waiting.delete(id);
    if (entry) use(entry);
    if (waiting.size === 0) drained?.();
  }
  function die(cause: unknown): void {
    alive = false;
    const error = new VamoError('ENGINE_GRAPH', 'the model worker ended', { cause });
    for (const id of [...waiting.keys()]) settle(id, ({ reject }) => reject(error));
  }

  const ready = await new Promise<Extract<WorkerMessage, { kind: 'ready' }>>((resolve, reject) => {
    worker.on('error', (error) => {
      reject(
        new VamoError('ENGINE_GRAPH', `the model worker failed: ${error.message}`, {
          cause: error,
        }),
      );
      die(error);
    });
    worker.on('exit', (code) => {
      reject(new VamoError('ENGINE_GRAPH', `the model worker ended with ${code}`));
      die(undefined);
    });
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'ready') resolve(message);
      else if (message.kind === 'failed') reject(revive(message));
      else if (message.kind === 'error')
        settle(message.id, ({ reject: fail }) => fail(revive(message)));
      else settle(message.id, ({ resolve: done }) => done(message));
    });
  });

  const days = new Set(ready.tableDay === null ? [] : [ready.tableDay]);
  const ask = (message: (id: number) => HostMessage): Promise<Answered> =>
    new Promise((resolve, reject) => {
      if (!alive) {
        reject(new VamoError('ENGINE_GRAPH', 'the model worker has ended'));
        return;
      }
      const id = asked++;
      waiting.set(id, { resolve, reject });
      worker.postMessage(message(id));
    });

  return {
    selfTestMaxError: ready.selfTestMaxError,
    batchMs: ready.batchMs,
    get alive() {
      return alive;
    },
    async answer(requests) {
      const answered = await ask((id) => ({ kind: 'ask', id, requests }));
      if (answered.kind !== 'answer')
        throw new VamoError('ENGINE_GRAPH', 'the model worker answered another question');
      return answered;
    },
    knows: (day) => ready.tableDay === null || days.has(day),
    async learn(day, market) {
      await ask((id) => ({ kind: 'learn', id, day, market }));
      days.add(day);
    },
    async retire() {
      if (alive && waiting.size > 0) await new Promise<void>((resolve) => (drained = resolve));
      if (alive) worker.postMessage({ kind: 'stop' });
      await exited;
    },
  };
}

/** An error of the worker as the error it was there. */
function revive({ code, message }: { readonly code: string; readonly message: string }): VamoError {
  return new VamoError(code in ERROR_CODES ? (code as ErrorCode) : 'ENGINE_GRAPH', message);
}
