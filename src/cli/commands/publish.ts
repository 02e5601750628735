import type { CheckpointRole, GateDecision, ReleaseLog } from '../../contracts/index.ts';
import { VamoError } from '../../core/index.ts';
import {
  decideGate,
  holdGate,
  holdRolledBack,
  openRegistry,
  overrideGate,
  rolledAwayFrom,
} from '../../publisher/index.ts';
import { readVerified } from '../../store/index.ts';
import type { Context } from '../context.ts';
import { keepMarkets } from '../market.ts';
import { evaluateVersion } from '../evaluate-version.ts';
import { fleetState, saySilent, silentOf } from '../fleet.ts';
import {
  actorName,
  checkReason,
  championOf,
  describeRelease,
  openOwnReleases,
  readOwnReleases,
} from '../releases.ts';
import { type CommandSpec, named } from '../run-command.ts';
import { type CandidateRun, isRunKey, latestRun, readCandidate } from './train.ts';

interface PublishRequest {
  readonly run?: string;
  readonly actor: string;
  readonly reason: string;
  readonly override?: boolean;
}

export interface Published {
  readonly runKey: string;
  readonly version: string;
  readonly digest: string;
  readonly gate: GateDecision;
  /** False when the gate refused: stored, not released. */
  readonly released: boolean;
  readonly release: ReturnType<typeof describeRelease> | null;
}

/** The run's files by role, checked against the digests its training wrote. */
async function candidateFiles(context: Context, { runKey, outcome }: CandidateRun) {
  const files: Partial<Record<CheckpointRole, Uint8Array>> = {};
  for (const [role, file] of Object.entries(outcome.files)) {
    if (file === undefined) continue;
    const { path, sha256 } = file;
    const name = path.slice(path.lastIndexOf(`${runKey}/`));
    files[role as CheckpointRole] = await readVerified(context.store, {
      key: `runs/${name}`,
      sha256,
    });
  }
  return files;
}

/** The gate's word on a candidate, against the champion replayed on the same day. */
async function gateOf(
  context: Context,
  candidate: CandidateRun,
  { releases, champion }: { readonly releases: ReleaseLog; readonly champion: string | null },
): Promise<GateDecision> {
  // The floor is for a first release; here there was a champion that cannot be read any more.
  if (champion === null && releases.refused.length > 0)
    return holdGate('the release log holds no record that may be believed; see `vamo versions`');
  const document =
    champion === null ? null : await evaluateVersion(context, champion, candidate.testDay);
  const { seed } = context.config.training;
  return decideGate(candidate.evaluation, document, context.config.gate, { seed });
}

/**
 * Stores a finished run as a version, asks the gate, and on a pass (or an override, which is
 * recorded) makes it the champion. A refusal is a normal outcome, and so is a version that is held
 * because it was rolled back.
 */
export async function publishCandidate(
  context: Context,
  request: PublishRequest,
): Promise<Published> {
  await keepMarkets(context);
  const candidate = await readCandidate(context, request.run ?? (await latestRun(context)));
  const log = await readOwnReleases(context);
  const expectedChampion = championOf(log);
  const compared = await gateOf(context, candidate, { releases: log, champion: expectedChampion });
  const { outcome, lineage, testDay, runKey } = candidate;
  const stored = await openRegistry(context.store).putCheckpoint({
    files: await candidateFiles(context, candidate),
    lineage,
    io: outcome.io,
    limits: { alpha: outcome.limits, maxMs: context.config.release.maxMs },
    testDay,
  });
  const { version, digest } = stored.manifest;
  const left = rolledAwayFrom(log.records).get(stored.manifestSha256);
  const decided = left === undefined ? compared : holdRolledBack(compared, version, left.record);
  const gate =
    request.override === true ? overrideGate(decided, request.actor, request.reason) : decided;
  const released = gate.outcome === 'pass' || gate.overridden !== null;
  if (!released) return { runKey, version, digest, gate, released, release: null };
  const releases = await openOwnReleases(context);
  const { actor, reason } = request;
  const record = await releases.publish({ version, actor, reason, gate, expectedChampion });
  return { runKey, version, digest, gate, released, release: describeRelease(record) };
}

const runName = named(isRunKey, 'a run as `vamo train` prints it, DAY-DIGEST');

interface PublishOptions {
  readonly run?: string;
  readonly reason?: string;
  readonly actor?: string;
  readonly override?: boolean;
}

export const publishCommand: CommandSpec<PublishOptions> = {
  name: 'publish',
  summary: 'gate a finished run; on a pass, release it to the fleet, signed',
  examples: ['vamo publish', 'vamo publish --override --reason "first night of a new task"'],
  options: (command) =>
    command
      .option('--run <key>', 'the run; default: the one that finished last', runName)
      .option('--override', 'release whatever the gate says; needs --reason, both are recorded')
      .option('--reason <text>', 'why; it is signed')
      .option('--actor <name>', 'who acts; default: the login name'),
  check({ override, reason }) {
    if (override === true && reason === undefined)
      throw new VamoError('USAGE', '--override needs --reason');
    if (reason !== undefined) checkReason(reason);
  },
  async run(context, { run, reason, actor, override }) {
    const published = await publishCandidate(context, {
      ...(run === undefined ? {} : { run }),
      actor: actorName(actor),
      reason: reason ?? 'passed the gate',
      override: override === true,
    });
    const { gate, version, released, release } = published;
    context.say(`gate: ${gate.outcome}${gate.overridden === null ? '' : ', overridden'}`);
    for (const line of gate.reasons) context.say(`  ${line}`);
    context.say(
      released
        ? `released ${version}, epoch ${String(release?.epoch)}`
        : `${version} is stored, not released; the fleet keeps its champion`,
    );
    const silent = released ? silentOf(await fleetState(context)) : [];
    saySilent(context, silent);
    return { ...published, silent };
  },
};
