// An ingester as a process of its own, to be killed. Told what to do by the parent's messages.
import { setMaxListeners } from 'node:events';
import { silentLogger } from '../../src/core/index.ts';
import { createIngester, createKafkaSource } from '../../src/ingest/index.ts';
import { openDataDirectory } from '../../src/store/index.ts';
import type { ChildOptions, FromChild, ToChild } from './kafka-ingest.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const stop = new AbortController();
setMaxListeners(0, stop.signal);
let armed: string | undefined;
/** Several partitions may stand at the fault point at once. */
let standing: (() => void)[] = [];
const tell = (message: FromChild): void => void process.send?.(message);

process.on('message', (message: ToChild) => {
  if (message.type === 'stop') stop.abort();
  if (message.type === 'arm') armed = message.at;
  if (message.type === 'disarm') {
    armed = undefined;
    for (const goOn of standing) goOn();
    standing = [];
  }
});

const { store } = await openDataDirectory(options.root);
const ingester = createIngester({
  source: createKafkaSource({ ...options.kafka, log: silentLogger }),
  store,
  tasks: options.tasks,
  utcOffsetMinutes: 0,
  ingest: options.ingest,
  clock: () => performance.now(),
  log: silentLogger,
  faultPoint: async (at, partition, uncommitted) => {
    if (at !== armed || uncommitted === 0) return;
    const released = new Promise<void>((resolve) => standing.push(resolve));
    tell({ type: 'standing', at, partition, uncommitted });
    await released;
  },
});
tell({ type: 'ready' });
tell({ type: 'stats', stats: await ingester.run({ signal: stop.signal, until: 'forever' }) });
process.disconnect();
