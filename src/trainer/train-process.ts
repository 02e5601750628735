import { readFile } from 'node:fs/promises';
import { createLogger, isVamoError, stackOf } from '../core/index.ts';
import { parseTrainJob } from './night/job.ts';
import { runNight } from './night/run-night.ts';

/**
 * The training process: `train-process JOB.json`. One JSON message a line on stdout:
 * `{"progress": {done, total, note}}`, at the end `{"outcome": ...}` or `{"error": {code, message,
 * stack, mend, details}}`. Exit 0, 1 failed, 130 interrupted (a checkpoint was written first).
 */
const say = (message: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => controller.abort(signal));

try {
  const job = parseTrainJob(JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')));
  const outcome = await runNight(job, {
    signal: controller.signal,
    progress: (done, total, note) => say({ progress: { done, total, note } }),
    log: createLogger('warn'),
  });
  say({ outcome });
} catch (error) {
  const known = isVamoError(error);
  const message = error instanceof Error ? error.message : String(error);
  const stack = stackOf(error);
  say({
    error: known
      ? { code: error.code, message, stack, mend: error.mend, details: error.details }
      : { code: null, message, stack },
  });
  process.exitCode = isVamoError(error, 'INTERRUPTED') ? 130 : 1;
}
