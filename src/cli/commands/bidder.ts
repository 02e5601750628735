import { isBidderId, runBidder } from '../../bidder/index.ts';
import { loadTrust } from '../../publisher/index.ts';
import { openDataDirectory } from '../../store/index.ts';
import { keysFolder } from '../releases.ts';
import { type CommandSpec, named, wholeNumber } from '../run-command.ts';

interface BidderCommandOptions {
  readonly id: string;
  readonly port?: number;
}

const bidderId = named(isBidderId, 'at most 32 lower-case letters, digits and -');

/** One bidder: follows the release log and answers `POST /v1/scales` until it is stopped. */
export const bidderCommand: CommandSpec<BidderCommandOptions> = {
  name: 'bidder',
  standsAlone: true,
  summary:
    'run one bidder process until it is stopped: POST /v1/scales, GET /v1/health, /v1/ready, /v1/version',
  examples: ['vamo bidder --id b1 --port 7400'],
  options: (command) =>
    command
      .requiredOption('--id <id>', 'name of this bidder, its folder under fleet/', bidderId)
      .option('--port <port>', 'port; 0 = any free one', wholeNumber(0, 65535)),
  async run(context, { id, port }) {
    const { store, config, log, root, signal } = context;
    // Two processes of one id would overwrite each other's trusted state.
    const role = await openDataDirectory(root, { role: `bidder-${id}` });
    context.releasers.push(() => role.release());
    let bound = 0;
    await runBidder(
      {
        id,
        store,
        trusted: await loadTrust(keysFolder(root)),
        channel: config.release.channel,
        host: config.fleet.host,
        port: port ?? config.fleet.basePort,
        pollMs: config.fleet.pollMs,
        log,
        signal,
      },
      (listening) => {
        bound = listening;
        context.say(`bidder ${id} on ${config.fleet.host}:${String(listening)}`);
      },
    );
    return { id, port: bound };
  },
};
