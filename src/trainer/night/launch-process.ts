import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import {
  ERROR_CODES,
  type ErrorCode,
  type Progress,
  scriptArguments,
  siblingModule,
  VamoError,
} from '../../core/index.ts';
import { openDirectoryStore } from '../../store/index.ts';
import { type NightProgress, type Stage, STAGES } from './stages.ts';
import { type TrainJob, trainOutcome, type TrainOutcome } from './job.ts';

const message = z.union([
  z.object({
    progress: z.object({
      stage: z.enum(STAGES),
      done: z.number(),
      total: z.number(),
      note: z.string().optional(),
    }),
  }),
  z.object({ resumed: z.object({ step: z.number(), steps: z.number() }) }),
  z.object({ outcome: trainOutcome }),
  z.object({
    error: z.object({
      code: z.string().nullable(),
      message: z.string(),
      mend: z.string().optional(),
      stack: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
    }),
  }),
]);
type Message = z.infer<typeof message>;
type Shown = Extract<Message, { progress: unknown }>['progress'];
type Failure = Extract<Message, { error: unknown }>['error'];

const isErrorCode = (code: string | null): code is ErrorCode =>
  code !== null && code in ERROR_CODES;

function parseLine(line: string): Message | null {
  try {
    return message.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

/**
 * Trains in a process of its own, since a step blocks its thread. The job is kept as `job.json` in
 * its run directory. On abort the child is told to stop, writes a checkpoint, and ends.
 * @throws VamoError the child's own error; INTERRUPTED; ENGINE_GRAPH when it died without a word
 */
export async function launchTraining(
  job: TrainJob,
  options: {
    readonly signal?: AbortSignal;
    readonly progress?: NightProgress;
    readonly onResume?: (step: number, steps: number) => void;
    /** Each step is logged on standard error. */
    readonly verbose?: boolean;
  } = {},
): Promise<TrainOutcome> {
  const store = await openDirectoryStore(job.runDirectory);
  await store.put('job.json', new TextEncoder().encode(JSON.stringify(job)));
  const script = scriptArguments(siblingModule(import.meta.url, '../train-process'));
  const path = join(job.runDirectory, 'job.json');
  const level = options.verbose === true ? 'debug' : 'warn';
  const child = spawn(process.execPath, [...script, path, level], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = (): void => void child.kill('SIGTERM');
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener('abort', stop, { once: true });
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  let last: Message | null = null;
  const stages = new Map<Stage, Progress>();
  const show = ({ stage, done, total, note }: Shown): void => {
    const known = stages.get(stage) ?? options.progress?.(stage);
    if (known === undefined) return;
    stages.set(stage, known);
    known(done, total, note);
  };
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const said = parseLine(line);
      if (said && 'progress' in said) show(said.progress);
      else if (said && 'resumed' in said) options.onResume?.(said.resumed.step, said.resumed.steps);
      else if (said) last = said;
    }
    const how = await ended;
    if (last && 'outcome' in last) return last.outcome;
    if (last && 'error' in last) throw failureOf(last.error);
    throw new VamoError('ENGINE_GRAPH', `the training process ended without a result (${how})`);
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

/** As it was thrown there, with the stack it had there. */
function failureOf({ code, message, mend, details = {}, stack }: Failure): Error {
  const error = isErrorCode(code)
    ? new VamoError(code, message, { details, ...(mend !== undefined && { mend }) })
    : new Error(`training process: ${message}`);
  error.stack = stack;
  return error;
}
