// ClickHouse's own way in, inside chdb: topic -> Kafka table -> materialized view -> MergeTree.
import { setTimeout as wait } from 'node:timers/promises';
import { openEmbedded } from '../../src/clickhouse/index.ts';
import { EVENT_COLUMNS } from '../../src/contracts/index.ts';
import { finish, jobOf } from './job.ts';

const TEXTS = ['kind', 'event_id', 'campaign_id', 'auction_id', 'task', 'model_version'];
const MONEY = ['bid', 'cost', 'competing_1', 'competing_2', 'competing_3'];
const WHOLE = ['event_time', 'slot', 'shown'];
const fields = [
  ...TEXTS.map((name) => `${name} String`),
  ...MONEY.map((name) => `${name} Float64`),
  ...WHOLE.map((name) => `${name} Int64`),
  'pv Float64',
  'exposed Bool',
].join(', ');
/** The columns of our segments; those the view leaves out take their default. */
const columns = Object.entries(EVENT_COLUMNS)
  .map(([name, type]) => `${name} ${type === 'text' ? 'String' : 'Int64'}`)
  .join(', ');
const LIMIT_MS = 600_000;

const { brokers, topic, group, root, rows, partitions } = jobOf(process.argv);
const engine = await openEmbedded(root);
const began = performance.now();
const cpu = process.cpuUsage();
await engine.command(`CREATE TABLE rows (${columns}, src_topic String, src_partition Int64,
  src_offset Int64, day Date) ENGINE = MergeTree PARTITION BY day
  ORDER BY (campaign_id, event_time)`);
await engine.command(`CREATE TABLE queue (${fields}) ENGINE = Kafka SETTINGS
  kafka_broker_list = '${brokers.join()}', kafka_topic_list = '${topic}',
  kafka_group_name = '${group}', kafka_format = 'JSONEachRow',
  kafka_num_consumers = ${Math.min(partitions, 2)}, kafka_thread_per_consumer = 1,
  kafka_max_block_size = 65536, kafka_flush_interval_ms = 1000`);
await engine.command(`CREATE MATERIALIZED VIEW pump TO rows AS SELECT
  ${TEXTS.join()}, ${WHOLE.join()}, toInt64(exposed) AS exposed, toInt64(round(pv * 1e9)) AS pv,
  ${MONEY.map((name) => `toInt64(round(${name} * 1e6)) AS ${name}`).join()},
  toUnixTimestamp64Milli(assumeNotNull(_timestamp_ms)) AS arrival_ms, _topic AS src_topic,
  _partition AS src_partition, _offset AS src_offset,
  toDate(intDiv(event_time, 86400000)) AS day FROM queue`);
let found = 0;
while (found < rows) {
  await wait(250);
  [{ found }] = (await engine.query<{ found: number }>('SELECT count() AS found FROM rows')) as [
    { found: number },
  ];
  if (performance.now() - began > LIMIT_MS) throw new Error(`${found} of ${rows} after 10 minutes`);
}
finish(found, began, cpu);
process.exit(0);
