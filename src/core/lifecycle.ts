import { VamoError } from './errors.ts';

/** What was opened pushes its closer; `release` runs them in reverse, each even if one fails. */
export interface Releasers {
  push(close: () => void | Promise<void>): void;
  release(): Promise<void>;
}

export function createReleasers(): Releasers {
  const closers: (() => void | Promise<void>)[] = [];
  return {
    push: (close) => closers.push(close),
    async release() {
      const failures: unknown[] = [];
      for (let close = closers.pop(); close; close = closers.pop()) {
        try {
          await close();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'closing failed');
    },
  };
}

/** Throws INTERRUPTED once the signal is aborted. Call it between pieces of long work. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new VamoError('INTERRUPTED', 'interrupted', { cause: signal.reason });
}

/** Waits, ending early with INTERRUPTED when the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new VamoError('INTERRUPTED', 'interrupted', { cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Reports progress of long work: `done` of `total` units, with an optional note. */
export type Progress = (done: number, total: number, note?: string) => void;

/** The path of a sibling module, `.ts` when run from sources and `.js` when built. */
export function siblingModule(importMetaUrl: string, name: string): URL {
  return new URL(`./${name}${importMetaUrl.endsWith('.ts') ? '.ts' : '.js'}`, importMetaUrl);
}
