// Our side, as a process of its own: takes a topic into a data directory and tells what that used.
import { loadConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/core/index.ts';
import {
  createIngester,
  createKafkaSource,
  createRegisteredDecoder,
  openRegistry,
} from '../../src/ingest/index.ts';
import { openDataDirectory } from '../../src/store/index.ts';
import { finish, jobOf } from './job.ts';

const { brokers, topic, group, root, flushRows, registry, sessionTimeoutMs } = jobOf(process.argv);
const { source, ingest, tasks } = await loadConfig();
const { store } = await openDataDirectory(root);
const decoded = { tasks: new Set(tasks.map(({ id }) => id)), utcOffsetMinutes: 0 };
const ingester = createIngester({
  source: createKafkaSource({
    ...source.kafka,
    ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
    brokers,
    topic,
    groupId: group,
    log: silentLogger,
  }),
  ...(registry !== undefined && {
    decoder: createRegisteredDecoder('avro', await openRegistry({ url: registry }), decoded),
  }),
  store,
  tasks,
  utcOffsetMinutes: 0,
  ingest: { ...ingest, ...(flushRows === undefined ? {} : { flushRows }) },
  clock: () => performance.now(),
  log: silentLogger,
});
const began = performance.now();
const cpu = process.cpuUsage();
const { rows } = await ingester.run({ until: 'end' });
finish(rows, began, cpu);
