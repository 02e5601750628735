import type { Server } from 'node:http';
import type { TrustedKeys } from '../contracts/index.ts';
import { isVamoError, listen, type Logger, sleep, VamoError } from '../core/index.ts';
import { type BidderAck, isBidderId, writeAck } from './ack.ts';
import { createFollower, type Follower } from './follower.ts';
import { createMarketHistory, type MarketHistory } from './market-history.ts';
import { startModelHost } from './model-host.ts';
import { type BidderStore, ownFiles } from './own-files.ts';
import {
  answerScales,
  type Counters,
  createCounters,
  createModelAlarm,
  type ModelFailed,
} from './scales.ts';
import { createBidderServer, type Routes } from './server.ts';

export interface BidderOptions {
  /** Names the bidder's folder under `fleet/`; one process an id. */
  readonly id: string;
  readonly store: BidderStore;
  readonly trusted: TrustedKeys;
  readonly channel: string;
  /** Default 127.0.0.1. There is no authentication: another address is the operator's choice. */
  readonly host?: string;
  /** 0 = any free port. */
  readonly port: number;
  /** How often the release log is looked at. */
  readonly pollMs: number;
  /** How often the bidder speaks when nothing changes; default 5 s. */
  readonly ackMs?: number;
  readonly threads?: number;
  readonly pid: number;
  /** Wall-clock ms, for acknowledgements. */
  readonly now: () => number;
  /** Monotonic ms, for everything that orders or waits. */
  readonly clock: () => number;
  readonly log: Logger;
}

export interface Bidder {
  readonly port: number;
  /** What the bidder says of itself now. */
  status(): BidderAck;
  /** Looks at the release log at once. */
  refresh(): Promise<void>;
  /** Answers what was asked, then stops. */
  close(): Promise<void>;
}

/**
 * Starts a bidder: brings back its last trusted version, follows the release log, answers
 * `POST /v1/scales`. It serves while it loads, and goes on serving when anything newer is bad.
 * @throws VamoError CONFIG_INVALID (id), STORE_CORRUPT (its state file), BIDDER_PORT
 */
export async function startBidder(options: BidderOptions): Promise<Bidder> {
  const { id, store, log, now, clock, pollMs } = options;
  if (!isBidderId(id))
    throw new VamoError('CONFIG_INVALID', `bidder id "${id}": lower-case letters, digits and -`);
  const counters = createCounters();
  let port = 0;
  let stopped = false;
  let said = Promise.resolve();

  const follower = createFollower({
    ...options,
    own: ownFiles(store, id),
    startHost: (files) => startModelHost(files, options.threads ?? 1),
    // Nobody can reach it before it listens: a version brought back earlier is told after that.
    onChange: () => void (port === 0 ? undefined : say()),
  });
  const history = createMarketHistory({ store, retryMs: pollMs, clock, log });
  const status = (): BidderAck => ({
    ...ackOf(options, follower, { port, at: now(), stopped }),
    ...(counters.isStale === true && { stale: true }),
  });
  /** One after another, so that the newest word is the one that stays. */
  const say = (): Promise<void> =>
    (said = said
      .then(() => writeAck(store, status()))
      .catch((error: unknown) => log.warn('bidder.ack', { error: String(error) })));
  let looking = Promise.resolve();
  const refresh = (): Promise<void> => (looking = looking.then(() => follower.reconcile()));

  const modelFailed = createModelAlarm(options, counters);
  await follower.restore();
  const server = createBidderServer(
    routesOf({ follower, history, counters, status, refresh, modelFailed }),
    log,
  );
  port = await listen(
    server,
    { host: options.host ?? '127.0.0.1', port: options.port },
    { code: 'BIDDER_PORT', who: `bidder ${id}` },
  );
  const ending = new AbortController();
  await say();
  const loops = [
    every(pollMs, ending.signal, refresh),
    every(options.ackMs ?? 5_000, ending.signal, say),
  ];
  log.info('bidder.listening', { id, port, clock: clock() });
  return {
    port,
    status,
    refresh,
    async close() {
      ending.abort();
      await Promise.all(loops);
      await looking;
      await closeServer(server);
      await follower.close();
      stopped = true;
      await say();
    },
  };
}

interface Parts {
  readonly follower: Follower;
  readonly history: MarketHistory;
  readonly counters: Counters;
  readonly status: () => BidderAck;
  readonly refresh: () => Promise<void>;
  readonly modelFailed: ModelFailed;
}

function routesOf({ follower, history, counters, status, refresh, modelFailed }: Parts): Routes {
  return {
    'POST /v1/scales': (body) =>
      answerScales(follower.active, body, { history, counters, modelFailed }),
    'POST /v1/refresh': async () => {
      await refresh();
      return { status: 200, body: status() };
    },
    'GET /v1/health': () => ({ status: 200, body: { status: 'up' } }),
    'GET /v1/ready': () => {
      const ready = follower.active !== null;
      return {
        status: ready ? 200 : 503,
        body: { ready, version: follower.active?.version ?? null },
      };
    },
    'GET /v1/version': () => ({ status: 200, body: status() }),
    'GET /v1/metrics': () => ({ status: 200, body: metrics(counters, status()) }),
  };
}

function ackOf(
  { id, pid }: BidderOptions,
  { status, active }: Follower,
  now: { readonly port: number; readonly at: number; readonly stopped: boolean },
): BidderAck {
  return {
    schema: 'ack/v1',
    bidder: id,
    pid,
    port: now.port,
    ...status,
    state: now.stopped ? 'stopped' : status.state,
    activeVersion: active?.version ?? null,
    activeDigest: active?.manifest ?? null,
    loadMs: active?.loadMs ?? null,
    selfTestMaxError: active?.host.selfTestMaxError ?? null,
    at: now.at,
  };
}

function metrics(counters: Counters, { epoch, activeVersion }: BidderAck): string {
  return [
    `vamo_bidder_requests_total ${counters.requests}`,
    `vamo_bidder_refused_total ${counters.refused}`,
    `vamo_bidder_fallbacks_total ${counters.fallbacks}`,
    `vamo_bidder_stale_total ${counters.stale ?? 0}`,
    `vamo_bidder_model_errors_total ${counters.modelErrors}`,
    `vamo_bidder_epoch ${epoch}`,
    `vamo_bidder_active{version="${activeVersion ?? ''}"} ${activeVersion === null ? 0 : 1}`,
    '',
  ].join('\n');
}

/** Does something at once and then every so often until aborted. */
async function every(ms: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await act();
    try {
      await sleep(ms, signal);
    } catch (error) {
      if (!isVamoError(error, 'INTERRUPTED')) throw error;
    }
  }
}

/** New connections are refused, answers under way are sent, connections close as they fall idle. */
async function closeServer(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(sweep);
}
