import { awaitFleet, fleetState } from '../fleet.ts';
import { sayRefused } from '../releases.ts';
import { type CommandSpec, wholeNumber } from '../run-command.ts';
import { formatTable } from '../table.ts';

interface FleetCommandOptions {
  readonly wait?: number;
  readonly timeout: number;
}

/** Who serves what. */
export const fleetCommand: CommandSpec<FleetCommandOptions> = {
  name: 'fleet',
  standsAlone: true,
  readsOnly: true,
  summary: 'which bidder serves which version: live, behind, rejected or silent',
  examples: ['vamo fleet', 'vamo fleet --wait 3 --timeout 60'],
  options: (command) =>
    command
      .option('--wait <n>', 'wait until at least n bidders are live', wholeNumber(1, 100_000))
      .option('--timeout <seconds>', 'how long --wait waits', wholeNumber(1, 86_400), 30),
  async run(context, { wait, timeout }) {
    const fleet =
      wait === undefined
        ? await fleetState(context)
        : await awaitFleet(context, wait, timeout * 1000);
    context.say(`release: ${fleet.head?.champion.version ?? 'none yet'}`);
    context.say(
      formatTable(
        ['bidder', 'state', 'version', 'epoch', 'port', 'pid', 'reason'],
        fleet.bidders.map(({ condition, ack }) => [
          ack.bidder,
          condition,
          ack.activeVersion ?? '-',
          ack.epoch,
          ack.port,
          ack.pid,
          ack.reason ?? '',
        ]),
      ),
    );
    sayRefused(context, fleet.refused);
    return { head: fleet.head, bidders: fleet.bidders, refused: fleet.refused };
  },
};
