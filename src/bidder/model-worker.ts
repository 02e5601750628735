import { parentPort, workerData } from 'node:worker_threads';
import { isVamoError } from '../core/index.ts';
import { loadModel, type Model } from './model.ts';
import type { HostMessage, WorkerInput, WorkerMessage } from './worker-messages.ts';

/** One loaded version in its own thread: loading and running a graph both block the thread. */
const port = parentPort;
if (port === null) throw new Error('model-worker runs as a worker thread');

const post = (message: WorkerMessage): void => port.postMessage(message);
const failure = (error: unknown): { code: string; message: string } => ({
  code: isVamoError(error) ? error.code : 'ENGINE_GRAPH',
  message: error instanceof Error ? error.message : String(error),
});
const clock = (): number => performance.now();

async function answer(model: Model, message: Extract<HostMessage, { kind: 'ask' }>): Promise<void> {
  try {
    post({ kind: 'answer', id: message.id, ...(await model.answer(message.requests)) });
  } catch (error) {
    post({ kind: 'error', id: message.id, ...failure(error) });
  }
}

async function learn(
  model: Model,
  message: Extract<HostMessage, { kind: 'learn' }>,
): Promise<void> {
  try {
    await model.learn(message.day, message.market);
    post({ kind: 'learned', id: message.id });
  } catch (error) {
    post({ kind: 'error', id: message.id, ...failure(error) });
  }
}

try {
  const { files, threads } = workerData as WorkerInput;
  const model = await loadModel(files, { clock, threads });
  port.on('message', (message: HostMessage) => {
    if (message.kind === 'ask') void answer(model, message);
    else if (message.kind === 'learn') void learn(model, message);
    else void model.release().finally(() => port.close());
  });
  const { selfTestMaxError, batchMs, tableDay } = model;
  post({ kind: 'ready', selfTestMaxError, batchMs, tableDay });
} catch (error) {
  post({ kind: 'failed', ...failure(error) });
  port.close();
}
