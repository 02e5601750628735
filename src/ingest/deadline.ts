import { VamoError } from '../core/index.ts';

/** Fails some time after the signal is aborted: a source or store that hangs must not hold the process. */
export function createDeadline(
  signal: AbortSignal,
  ms: number,
): { readonly passed: Promise<never>; end(): void } {
  let timer: NodeJS.Timeout | undefined;
  let start = (): void => undefined;
  const passed = new Promise<never>((_, reject) => {
    start = () =>
      (timer = setTimeout(
        () =>
          reject(
            new VamoError('INGEST_SHUTDOWN', `not finished ${ms} ms after the signal to stop`, {
              details: { ms },
            }),
          ),
        ms,
      ));
    signal.addEventListener('abort', start, { once: true });
  });
  passed.catch(() => undefined);
  return {
    passed,
    end() {
      signal.removeEventListener('abort', start);
      clearTimeout(timer);
    },
  };
}
