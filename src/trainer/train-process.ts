import { readFile } from 'node:fs/promises';
import { createLogger, isVamoError, stackOf } from '../core/index.ts';
import { parseTrainJob } from './night/job.ts';
import { runNight } from './night/run-night.ts';

/**
 * The training process: `train-process JOB.json LOG-LEVEL`. One JSON message a line on stdout:
 * `{"progress": {stage, done, total, note}}` or `{"resumed": {step, steps}}`, at the end `{"outcome": ...}`
 * or `{"error": {code, message, stack, mend, details}}`. Exit 0, 1 failed, 130 interrupted (a checkpoint
 * was written first).
 */
const say = (message: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

// Whom it is told is gone: nobody is left to train for. Checkpoints stay.
process.stdout.on('error', () => process.exit(1));

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => controller.abort(signal));

try {
  const job = parseTrainJob(JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')));
  const outcome = await runNight(job, {
    signal: controller.signal,
    progress: (stage) => (done, total, note) => say({ progress: { stage, done, total, note } }),
    onResume: (step, steps) => say({ resumed: { step, steps } }),
    log: createLogger(process.argv[3] === 'debug' ? 'debug' : 'warn'),
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
