import { awaitFleet, speakingBidders } from '../fleet.ts';
import { actorName, describeRelease, openOwnReleases } from '../releases.ts';
import { type CommandSpec, wholeNumber } from '../run-command.ts';
import type { Context } from '../context.ts';

interface RollbackOptions {
  readonly to?: string;
  readonly reason: string;
  readonly actor?: string;
  readonly wait: boolean;
  readonly timeout: number;
}

/** Points the fleet at an older version by a new signed record, and waits for it to follow. */
export async function rollBack(
  context: Context,
  request: { readonly to?: string; readonly reason: string; readonly actor: string },
  waitMs: number,
) {
  const releases = await openOwnReleases(context);
  const record = await releases.rollback(request);
  const started = performance.now();
  const bidders = await speakingBidders(context);
  if (waitMs > 0 && bidders > 0) await awaitFleet(context, bidders, waitMs);
  return {
    ...describeRelease(record),
    bidders,
    convergedMs: Math.round(performance.now() - started),
  };
}

export const rollbackCommand: CommandSpec<RollbackOptions> = {
  name: 'rollback',
  summary: 'release an older version again, signed, with a higher epoch',
  examples: [
    'vamo rollback --reason "overspend in add-to-cart"',
    'vamo rollback --to 2026-01-15-r0-9f3c1a77e0b2 --reason "bad night"',
  ],
  options: (command) =>
    command
      .requiredOption('--reason <text>', 'why; it is signed')
      .option('--to <version>', 'the version; default: the one before the present')
      .option('--actor <name>', 'who acts; default: the login name')
      .option('--no-wait', 'do not wait for the bidders')
      .option('--timeout <seconds>', 'how long to wait', wholeNumber(1, 86_400), 30),
  async run(context, { to, reason, actor, wait, timeout }) {
    const request = { ...(to === undefined ? {} : { to }), reason, actor: actorName(actor) };
    const done = await rollBack(context, request, wait ? timeout * 1000 : 0);
    context.say(
      `epoch ${String(done.epoch)}: ${done.version}, ` +
        (wait ? `${String(done.bidders)} bidders follow` : 'not waiting for bidders'),
    );
    return done;
  },
};
