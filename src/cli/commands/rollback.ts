import type { VerifiedRecord } from '../../contracts/index.ts';
import { isVamoError, VamoError } from '../../core/index.ts';
import { awaitFleet, fleetState, saySilent, silentOf, speakingBidders } from '../fleet.ts';
import {
  actorName,
  championOf,
  checkReason,
  describeRelease,
  openOwnReleases,
  readOwnReleases,
} from '../releases.ts';
import { type CommandSpec, wholeNumber } from '../run-command.ts';
import type { Context } from '../context.ts';

interface RollbackOptions {
  readonly to?: string;
  readonly reason: string;
  readonly actor?: string;
  readonly wait: boolean;
  readonly timeout: number;
}

/** A fleet that is not there in time does not undo the record: the error says what is signed. */
function stillSigned(error: unknown, record: VerifiedRecord): unknown {
  if (!isVamoError(error, 'FLEET_NOT_CONVERGED')) return error;
  const { epoch, champion } = record.record;
  const message = `epoch ${String(epoch)} with ${champion.version} is signed, but ${error.message}`;
  return new VamoError('FLEET_NOT_CONVERGED', message, {
    details: { ...error.details, epoch, version: champion.version, recordSha256: record.sha256 },
    mend: 'See `vamo fleet` for who is behind and why. The same command again only waits for them.',
    cause: error,
  });
}

/**
 * Points the fleet at an older version by a new signed record, and waits for it to follow. When the
 * version is the champion already, only the waiting is done: the command can be repeated. Bidders
 * that are silent are not waited for; they are named.
 * @throws VamoError FLEET_NOT_CONVERGED naming the signed epoch and version; as `Releases.rollback`
 */
export async function rollBack(
  context: Context,
  request: { readonly to?: string; readonly reason: string; readonly actor: string },
  waitMs: number,
) {
  // A look first: where nothing was ever released, no signing key is made.
  if (championOf(await readOwnReleases(context)) === null)
    throw new VamoError('VERSION_UNKNOWN', 'there is no release to go back from');
  const record = await (await openOwnReleases(context)).rollback(request);
  const started = performance.now();
  let fleet = await fleetState(context);
  const bidders = speakingBidders(fleet);
  if (waitMs > 0 && bidders > 0)
    fleet = await awaitFleet(context, bidders, waitMs).catch((error: unknown) => {
      throw stillSigned(error, record);
    });
  return {
    ...describeRelease(record),
    repeated: record.repeated,
    bidders,
    silent: silentOf(fleet),
    convergedMs: Math.round(performance.now() - started),
  };
}

export const rollbackCommand: CommandSpec<RollbackOptions> = {
  name: 'rollback',
  standsAlone: true,
  summary: 'release an older version again, signed, with a higher epoch; repeating it only waits',
  examples: [
    'vamo rollback --reason "overspend in add-to-cart"',
    'vamo rollback --to 2026-01-15-r0-9f3c1a77e0b2 --reason "bad night"',
  ],
  options: (command) =>
    command
      .requiredOption('--reason <text>', 'why; it is signed')
      .option(
        '--to <version>',
        'a version that was released; default: the one published before the present',
      )
      .option('--actor <name>', 'who acts; default: the login name')
      .option('--no-wait', 'do not wait for the bidders')
      .option('--timeout <seconds>', 'how long to wait', wholeNumber(1, 86_400), 30),
  check: ({ reason }) => checkReason(reason),
  async run(context, { to, reason, actor, wait, timeout }) {
    const request = { ...(to === undefined ? {} : { to }), reason, actor: actorName(actor) };
    const done = await rollBack(context, request, wait ? timeout * 1000 : 0);
    context.say(
      `epoch ${String(done.epoch)}: ${done.version}${done.repeated ? ' already' : ''}, ` +
        (wait ? `${String(done.bidders)} bidders follow` : 'not waiting for bidders'),
    );
    saySilent(context, done.silent);
    return done;
  },
};
