import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  type Fleet,
  type FleetOptions,
  readFleet,
  scalesRequest,
  waitForConvergence,
} from '../bidder/index.ts';
import type { CampaignSteps } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { loadTrust } from '../publisher/index.ts';
import type { Context } from './context.ts';
import { keysFolder } from './releases.ts';

async function fleetOptions(context: Context): Promise<FleetOptions> {
  const trusted = await loadTrust(keysFolder(context.root));
  return { channel: context.config.release.channel, trusted, now: context.now };
}

/** Every bidder's condition against the newest release. */
export async function fleetState(context: Context): Promise<Fleet> {
  return readFleet(context.store, await fleetOptions(context));
}

/** Waits until the bidders that speak (at least `bidders`) serve the newest release. */
export async function awaitFleet(
  context: Context,
  bidders: number,
  timeoutMs: number,
): Promise<Fleet> {
  const { store, signal } = context;
  return waitForConvergence(store, {
    ...(await fleetOptions(context)),
    bidders,
    timeoutMs,
    signal,
  });
}

/** How many bidders speak: a rollback waits for all of them. */
export const speakingBidders = ({ bidders }: Fleet): number =>
  bidders.filter(({ condition }) => condition !== 'silent').length;

/** The ids of known bidders that are silent: nobody can tell what they serve. */
export const silentOf = ({ bidders }: Fleet): string[] =>
  bidders.filter(({ condition }) => condition === 'silent').map(({ ack }) => ack.bidder);

/** Names the known bidders that are silent, where there are any. */
export function saySilent({ say }: Context, silent: readonly string[]): void {
  if (silent.length === 0) return;
  const many = silent.length === 1 ? 'bidder is' : 'bidders are';
  say(`${String(silent.length)} known ${many} silent: ${silent.join(', ')}`);
}

/** Bidder processes of this data directory, each `vamo bidder` on a free port. */
export interface FleetProcesses {
  readonly ids: readonly string[];
  stop(): Promise<void>;
}

const STOP_MS = 5000;

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** Starts the configured number of bidders as processes of their own. */
export function startFleet(context: Context): FleetProcesses {
  const main = fileURLToPath(new URL(import.meta.url)).replace(/fleet\.(ts|js)$/, 'main.$1');
  const ids = Array.from({ length: context.config.fleet.bidders }, (_, i) => `b${String(i + 1)}`);
  const configs = context.configFiles.flatMap((file) => ['--config', file]);
  const children = ids.map((id) =>
    spawn(
      process.execPath,
      [
        ...process.execArgv,
        main,
        'bidder',
        '--id',
        id,
        '--port',
        '0',
        '--data',
        context.root,
        ...configs,
      ],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    ),
  );
  return {
    ids,
    async stop() {
      for (const child of children) child.kill('SIGTERM');
      const timer = setTimeout(() => children.forEach((c) => c.kill('SIGKILL')), STOP_MS);
      await Promise.all(children.map(exited));
      clearTimeout(timer);
    },
  };
}

interface ScalesAnswer {
  readonly version: string;
  readonly alphas: readonly number[];
}

/** Asks live bidders for alphas; each campaign always asks the same one of them. */
export async function createFleetClient(context: Context) {
  const { bidders } = await fleetState(context);
  const live = bidders.filter(({ condition }) => condition === 'live');
  if (live.length === 0)
    throw new VamoError('BIDDER_NOT_READY', 'no bidder serves the newest release');
  const { host } = context.config.fleet;

  async function ask(port: number, body: string): Promise<ScalesAnswer> {
    const response = await fetch(`http://${host}:${String(port)}/v1/scales`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: context.signal,
    }).catch((cause: unknown) => {
      throw new VamoError('BIDDER_NOT_READY', `no bidder answers on port ${String(port)}`, {
        cause,
      });
    });
    if (!response.ok)
      throw new VamoError('BIDDER_NOT_READY', `bidder answered ${String(response.status)}`, {
        details: { body: await response.text() },
      });
    return (await response.json()) as ScalesAnswer;
  }

  return {
    /** Alphas and versions for one step, in the order of the campaigns. */
    async scales(day: string, step: number, campaigns: readonly CampaignSteps[]) {
      const alphas = new Float64Array(campaigns.length);
      let version = '';
      await Promise.all(
        live.map(async ({ ack }, b) => {
          const mine = campaigns.map((_, i) => i).filter((i) => i % live.length === b);
          if (mine.length === 0) return;
          const rows = mine.flatMap((i) => campaigns[i] ?? []);
          const answer = await ask(ack.port, JSON.stringify(scalesRequest(day, step, rows)));
          version = answer.version;
          mine.forEach((i, row) => {
            alphas[i] = answer.alphas[row] ?? Number.NaN;
          });
        }),
      );
      return { alphas, modelVersion: version };
    },
  };
}
