import { createIngester, type IngestStats } from '../../ingest/index.ts';
import { throwIfAborted, VamoError } from '../../core/index.ts';
import { rulesOf } from '../../contracts/index.ts';
import { keepOrphanGrace, keepRules } from '../../store/index.ts';
import { type Context, keepConfig } from '../context.ts';
import { mappingKeeper, openDecoder } from '../decoder.ts';
import { observed, type Watching } from '../observe/ingest-observed.ts';
import { type CommandSpec, wholeNumber } from '../run-command.ts';
import { nameSource, openSource } from '../source.ts';

/** Takes the configured source's events into segments. Any number of processes may do so at once. */
export async function ingestEvents(
  context: Context,
  until: 'end' | 'forever',
  watching: Watching = {},
  acceptPartitions?: number,
): Promise<IngestStats> {
  const { store, config, log, signal } = context;
  const source = openSource(context);
  // A wrong address is found before anything of it is written down.
  const { partitions } = await source.identity();
  const keepMapping = await mappingKeeper(context);
  const ingester = createIngester({
    source,
    store,
    tasks: config.tasks,
    decoder: await openDecoder(context),
    utcOffsetMinutes: config.days.utcOffsetMinutes,
    ingest: config.ingest,
    acceptPartitions,
    async keep() {
      await keepRules(store, rulesOf(config));
      await keepMapping();
      await keepConfig(context);
    },
    clock: () => performance.now(),
    log,
    ...(watching.watch === true ? {} : { progress: context.progress.stage('ingest') }),
  });
  await keepConfig(context);
  await keepOrphanGrace(store, config.ingest.orphanGraceMs);
  if (until === 'forever')
    process.stderr.write(`following ${nameSource(context, partitions)}; Ctrl-C stops it\n`);
  const stats = await observed(context, ingester, source, watching, () =>
    ingester.run({ signal, until }),
  );
  // What was read is committed; but the end was asked for, and not reached.
  if (until === 'end') throwIfAborted(signal);
  return stats;
}

interface IngestCommandOptions {
  readonly follow?: boolean;
  readonly metrics?: number;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly acceptPartitions?: number;
}

export const ingestCommand: CommandSpec<IngestCommandOptions> = {
  name: 'ingest',
  foundsLate: true,
  summary: 'source to Arrow segments, exactly once; bad records to dead letters',
  examples: [
    'vamo ingest',
    'vamo ingest --follow --config production.json --metrics 9464',
    'vamo ingest --follow --watch',
    'vamo ingest --follow --accept-partitions 8',
  ],
  options: (command) =>
    command
      .option(
        '--follow',
        'go on until stopped (Ctrl-C or SIGTERM), then exit 0; default: stop at the present end',
      )
      .option(
        '--metrics <port>',
        'serve /metrics, /healthz and /readyz on this port (0 = any free one)',
        wholeNumber(0, 65535),
      )
      .option(
        '--accept-partitions <n>',
        'the topic was given more partitions and has n now: take them in from now on',
        wholeNumber(1, 100_000),
      )
      .option('--watch', 'show every partition as it goes; with --json, one JSON line a second'),
  async run(context, { follow, metrics: metricsPort, watch, json, acceptPartitions }) {
    if (acceptPartitions !== undefined && context.config.source.kind !== 'kafka')
      throw new VamoError('USAGE', '--accept-partitions is for a Kafka topic');
    const until = follow === true ? 'forever' : 'end';
    const watching = { metricsPort, watch, json };
    const stats = await ingestEvents(context, until, watching, acceptPartitions);
    context.say(
      `${String(stats.records)} records: ${String(stats.rows)} rows in ${String(stats.commits)} commits, ` +
        `${String(stats.deadLetters)} dead letters, ${String(stats.filtered)} filtered`,
    );
    return { ...stats };
  },
};
