// An ingester as a process of its own, that dies at a given step or finds its store failing when told.
import { setMaxListeners } from 'node:events';
import { isVamoError, silentLogger } from '../../../src/core/index.ts';
import { createIngester, createKafkaSource, type FaultPoint } from '../../../src/ingest/index.ts';
import { openDataDirectory } from '../../../src/store/index.ts';
import { type Failure, faultyStore, type Step } from './faulty-store.ts';
import type { ChildOptions, FromChild, ToChild } from './fleet.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const stop = new AbortController();
setMaxListeners(0, stop.signal);
const tell = (message: FromChild): void => void process.send?.(message);
let dieAt: Step | undefined;
let failures: Failure[] = [];
let clockStepMs = 0;

process.on('message', (message: ToChild) => {
  if (message.type === 'stop') stop.abort();
  if (message.type === 'die at') dieAt = message.step;
  if (message.type === 'fail') failures = Array<Failure>(message.calls).fill(message.failure);
  if (message.type === 'step clock') clockStepMs += message.ms;
});
// The parent is gone: nobody would end this process.
process.on('disconnect', () => process.exit(0));

const reached = (step: Step): void => {
  if (step === dieAt) process.kill(process.pid, 'SIGKILL');
};
const STEP_OF: Readonly<Record<Parameters<FaultPoint>[0], Step>> = {
  assigned: 'assigned',
  accepted: 'batch accepted',
  buffered: 'rows buffered',
  flushing: 'flush begun',
  filed: 'files written',
  committed: 'committed',
  hinted: 'source told',
};

try {
  const { store } = await openDataDirectory(options.root, { settings: options.store });
  const ingester = createIngester({
    source: createKafkaSource({ ...options.kafka, log: silentLogger }),
    store: faultyStore(store, reached, () => failures.shift()),
    tasks: options.tasks,
    utcOffsetMinutes: 0,
    ingest: options.ingest,
    clock: () => performance.now() + clockStepMs,
    log: silentLogger,
    faultPoint: (at) => {
      const step = STEP_OF[at];
      if (step !== undefined) reached(step);
    },
  });
  tell({ type: 'ready' });
  await ingester.run({ signal: stop.signal, until: 'forever' });
  tell({ type: 'ended', code: null, retriable: true, message: '' });
} catch (error) {
  const known = isVamoError(error);
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const code = known ? error.code : 'INTERNAL';
  tell({ type: 'ended', code, retriable: known && error.retriable, message });
}
process.exit(0);
