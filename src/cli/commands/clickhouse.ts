import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Argument } from 'commander';
import { announceFront, openEmbedded, openFront, withdrawFront } from '../../clickhouse/index.ts';
import { VamoError } from '../../core/index.ts';
import { createLiveLoader, type Loader } from '../../days/index.ts';
import {
  asLoader,
  clickHouseFolder,
  frontRecord,
  openClickHouse,
  serverOf,
} from '../clickhouse.ts';
import type { Context } from '../context.ts';
import { keepLoading, type Loading } from '../observe/loading.ts';
import { type CommandSpec, wholeNumber } from '../run-command.ts';

interface ClickHouseOptions {
  readonly port?: number;
  readonly metrics?: number;
  readonly follow?: boolean;
}

/** Serves the embedded engine to other processes and keeps it up with ledgers and seals. */
async function serve(
  context: Context,
  loader: Loader,
  options: ClickHouseOptions,
): Promise<Loading> {
  const { root, config, log, store } = context;
  if (serverOf(process.env) !== undefined)
    throw new VamoError(
      'USAGE',
      'CLICKHOUSE_URL names a server: there is no engine to serve here',
      {
        mend: 'Use `vamo clickhouse load --follow`, or unset CLICKHOUSE_URL.',
      },
    );
  const directory = clickHouseFolder(root);
  const engine = await openEmbedded(directory);
  context.releasers.push(() => engine.close());
  const token = randomBytes(24).toString('base64url');
  const { host } = config.clickhouse;
  const front = await openFront({
    directory,
    spool: join(root, 'work', 'front'),
    host,
    port: options.port ?? config.clickhouse.port,
    token,
    log,
  });
  context.releasers.push(() => front.close());
  const record = frontRecord(root);
  // Other processes of this machine ask over loopback, also when the front listens more widely.
  const reached = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const url = `http://${reached.includes(':') ? `[${reached}]` : reached}:${String(front.port)}`;
  await announceFront(record, { url, token });
  context.releasers.push(() => withdrawFront(record));
  context.say(`ClickHouse at ${url}; reading needs no password, the token is in ${record}`);
  const { source } = config;
  const loading = createLiveLoader({ engine, loader, store, source });
  return keepLoading(context, loading, { metricsPort: options.metrics });
}

/** Loads what is committed and sealed into wherever the copy is, once or until stopped. */
async function load(
  context: Context,
  loader: Loader,
  options: ClickHouseOptions,
): Promise<Loading> {
  const { config, store, signal } = context;
  const engine = await openClickHouse(context);
  context.releasers.push(() => engine.close());
  const loading = createLiveLoader({ engine, loader, store, source: config.source });
  if (options.follow === true)
    return keepLoading(context, loading, { metricsPort: options.metrics });
  const round = await loading.round(signal);
  return { ...round, failures: 0 };
}

export const clickhouseCommand: CommandSpec<ClickHouseOptions> = {
  name: 'clickhouse',
  // Services may start before the first event comes.
  needs: ({ follow }, [action]) => (action === 'load' && follow !== true ? 'events' : undefined),
  summary: 'the queryable copy: serve the embedded one to other processes, or keep a server up',
  examples: [
    'vamo clickhouse serve --port 8123',
    'vamo clickhouse load',
    'CLICKHOUSE_URL=http://ch:8123 vamo clickhouse load --follow --metrics 9465',
  ],
  options: (command) =>
    command
      .addArgument(new Argument('<action>', 'what to do').choices(['serve', 'load']))
      .option('--port <port>', 'serve: listen here (0 = any free one)', wholeNumber(0, 65535))
      .option('--follow', 'load: go on until stopped (Ctrl-C or SIGTERM), then exit 0')
      .option(
        '--metrics <port>',
        'serve /metrics, /healthz and /readyz on this port (0 = any free one)',
        wholeNumber(0, 65535),
      ),
  async run(context, options, [action]) {
    const work = action === 'serve' ? serve : load;
    const done = await asLoader(context, (loader) => work(context, loader, options));
    context.say(
      `${String(done.rows)} rows: ${String(done.segments)} segments, ${String(done.days)} sealed days`,
    );
    return { ...done };
  },
};
