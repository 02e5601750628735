import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DayKey, VamoError } from '../../core/index.ts';
import { dayReports } from '../../days/index.ts';
import type { EngineChoice, EngineSetting } from '../../engine/index.ts';
import { openRegistry, rollbackTarget } from '../../publisher/index.ts';
import { listSealedDays } from '../../store/index.ts';
import { checkMethod } from '../check-method.ts';
import type { Context } from '../context.ts';
import { engineFor, engineOption } from '../engine-option.ts';
import { awaitFleet, type FleetProcesses, startFleet } from '../fleet.ts';
import { championVersion, readOwnReleases } from '../releases.ts';
import { describeLearning, returnsTable } from '../results.ts';
import { type CommandSpec, positiveNumber } from '../run-command.ts';
import { createStages, type Stages } from '../stages.ts';
import { checkAgainstTruth, truthFolder } from '../truth.ts';
import { ingestEvents } from './ingest.ts';
import { publishCandidate } from './publish.ts';
import { rollBack } from './rollback.ts';
import { sealDays } from './seal.ts';
import { nextSimulatedDay, simulateDays, simulatedDays } from './simulate.ts';
import { trainCandidate } from './train.ts';

const FLEET_MS = 60_000;
const ACTOR = 'demo';

interface DemoOptions {
  readonly engine?: EngineSetting;
  readonly small?: boolean;
  readonly scale: number;
}

const configFile = (name: string): string =>
  fileURLToPath(new URL(`../../../config/${name}.json`, import.meta.url));

interface Night {
  readonly testDay: DayKey;
  readonly version: string | null;
  readonly outcome: string;
  readonly report: string;
}

/** Brings the data directory to where the first night can train: a whole window of sealed days. */
async function fillWindow(context: Context, stages: Stages): Promise<void> {
  const { history, train, validation, test } = context.config.window;
  const length = history + train + validation + test;
  if ((await listSealedDays(context.store)).length >= length) return;
  // An earlier run may have been interrupted between playing days and sealing them.
  await closeDays(context, stages, Math.max(0, length - (await simulatedDays(context))), false);
}

/** Simulates days, ingests what came, seals them, and holds them against the ground truth. */
async function closeDays(
  context: Context,
  stages: Stages,
  days: number,
  withFleet: boolean,
): Promise<void> {
  const before = await nextSimulatedDay(context);
  const sealedBefore = new Set((await listSealedDays(context.store)).map(({ day }) => day));
  await stages.run('simulate', async () => {
    const played = await simulateDays(context, days, withFleet);
    const records = played.reduce((n, d) => n + d.records, 0);
    const fleet = played.at(-1)?.fleetCampaigns ?? 0;
    const who = fleet > 0 ? `, the fleet bids for ${String(fleet)} campaigns` : '';
    return `${String(days)} day${days > 1 ? 's' : ''} from ${before}, ${String(records)} records${who}`;
  });
  await stages.run('ingest', async () => {
    const s = await ingestEvents(context, 'end');
    return `${String(s.rows)} rows in ${String(s.commits)} commits, ${String(s.deadLetters)} dead letters`;
  });
  await stages.run('seal', async () => {
    const end = await nextSimulatedDay(context);
    const due = (await dayReports(context.store))
      .map(({ day }) => day)
      .filter((day) => day < end && !sealedBefore.has(day));
    const manifests = await sealDays(context, due, true);
    const rows = manifests.reduce((n, m) => n + m.counts.accepted, 0);
    const checks = await Promise.all(
      manifests.map((m) => checkAgainstTruth(context.store, m, truthFolder(context))),
    );
    const compared = checks.reduce((n, c) => n + (c?.compared ?? 0), 0);
    const differing = checks.reduce((n, c) => n + (c?.sums.length ?? 0), 0);
    if (differing > 0)
      throw new VamoError(
        'INTERNAL',
        `${String(differing)} of ${String(compared)} step sums differ from the simulator's`,
      );
    // A day that was sent twice after a crash has more duplicates than were simulated.
    const resent = checks.filter((c) => (c?.counts.length ?? 0) > 0).length;
    const note = resent > 0 ? `; ${String(resent)} days hold records sent twice` : '';
    return `${String(rows)} rows, ${String(compared)} step sums equal to the ground truth${note}`;
  });
}

/** One night: train on the rolled window, evaluate, gate, publish, wait for the fleet. */
async function playNight(
  context: Context,
  stages: Stages,
  fleet: FleetHolder,
  engine: EngineChoice,
): Promise<Night> {
  const trained = await stages.run('train', async () => {
    const candidate = await trainCandidate(context, { engine });
    return [candidate.summary, candidate] as const;
  });
  // Replayed at the end of the training.
  context.say(`  ${'evaluate'.padEnd(9)} ${describeLearning(trained.evaluation)}`);
  context.say(returnsTable(trained.evaluation));
  const published = await stages.run('gate', async () => {
    const result = await publishCandidate(context, {
      run: trained.runKey,
      actor: ACTOR,
      reason: `night of ${trained.testDay}`,
    });
    return [`${result.gate.outcome}: ${result.gate.reasons.join('; ')}`, result] as const;
  });
  if (published.released)
    await stages.run('publish', async () => {
      fleet.start();
      const state = await awaitFleet(context, context.config.fleet.bidders, FLEET_MS);
      return `${published.version}, epoch ${String(state.head?.epoch ?? 0)}, ${String(state.bidders.length)} bidders live`;
    });
  return {
    testDay: trained.testDay,
    version: published.released ? published.version : null,
    outcome: published.gate.outcome,
    report: trained.report,
  };
}

/** The bidders, started at the first release and stopped at the end. */
interface FleetHolder {
  start(): void;
}

function holdFleet(context: Context): FleetHolder {
  let processes: FleetProcesses | undefined;
  return {
    start() {
      if (processes) return;
      const started = startFleet(context);
      processes = started;
      context.releasers.push(() => started.stop());
    },
  };
}

/** Back to the version before, and forward again; both are new signed records. */
async function backAndForward(context: Context, stages: Stages): Promise<void> {
  const { records } = await readOwnReleases(context);
  const present = records.at(-1)?.record.champion.version;
  const target = rollbackTarget(records)?.version;
  // After a rollback there is nothing further back: both would be the present version.
  if (present === undefined || target === undefined || target === present) return;
  await stages.run('rollback', async () => {
    const back = await rollBack(context, { reason: 'demonstration', actor: ACTOR }, FLEET_MS);
    return `to ${back.version}, ${String(back.bidders)} bidders follow in ${String(back.convergedMs)} ms`;
  });
  await stages.run('forward', async () => {
    const request = { to: present, reason: 'demonstration over', actor: ACTOR };
    const forward = await rollBack(context, request, FLEET_MS);
    return `to ${forward.version}, ${String(forward.bidders)} bidders follow in ${String(forward.convergedMs)} ms`;
  });
}

/** More or fewer auctions a day than the configuration says. */
function scaled(context: Context, scale: number): Context {
  const { simulator } = context.config;
  const auctionsPerDay = Math.max(1, Math.round(simulator.auctionsPerDay * scale));
  return { ...context, config: { ...context.config, simulator: { ...simulator, auctionsPerDay } } };
}

async function playDemo(context: Context, engine: EngineChoice) {
  const stages = createStages(context);
  const fleet = holdFleet(context);
  const isFirst = (await championVersion(context)) === null;
  const nights: Night[] = [];
  const count = isFirst ? 2 : 1;
  if (!isFirst) fleet.start();
  for (let n = 0; n < count; n++) {
    if (isFirst && n === 0) await fillWindow(context, stages);
    else {
      if (!isFirst && n === 0) await awaitFleet(context, context.config.fleet.bidders, FLEET_MS);
      await closeDays(context, stages, 1, (await championVersion(context)) !== null);
    }
    const testDay = (await listSealedDays(context.store)).at(-1)?.day;
    context.say(`\nnight after ${testDay ?? ''}`);
    nights.push(await playNight(context, stages, fleet, engine));
    context.say('');
  }
  await backAndForward(context, stages);
  return nights;
}

export const demoCommand: CommandSpec<DemoOptions> = {
  name: 'demo',
  summary: 'two nights end to end on simulated auctions; run again for the next night',
  examples: ['vamo demo', 'vamo demo --small --data /tmp/try', 'vamo demo --scale 10'],
  options: (command) =>
    engineOption(command)
      .option('--small', 'few auctions and steps: about a minute')
      .option('--scale <factor>', 'times as many auctions a day', positiveNumber, 1),
  presets: ({ small }) => [configFile('demo'), ...(small === true ? [configFile('small')] : [])],
  async run(opened, { scale, engine: setting }) {
    await checkMethod(opened.config);
    const engine = await engineFor(opened, setting);
    opened.say(`engine: ${engine.kind}, ${engine.reason}`);
    const context = scaled(opened, scale);
    const nights = await playDemo(context, engine);
    const registry = openRegistry(context.store);
    context.say(`\nreport: ${nights.at(-1)?.report ?? ''}`);
    const data = relative('', context.root);
    const where = data === 'data' ? '' : ` --data ${data}`;
    context.say(`next:   npm run -s vamo -- versions${where} (or days, methods, doctor)`);
    context.say(`        the bidders have ended with the demo; run it again for the next night`);
    return {
      nights,
      versions: await registry.versions(),
      champion: await championVersion(context),
    };
  },
};
