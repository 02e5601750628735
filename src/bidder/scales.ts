import { isVamoError, type Logger, VamoError } from '../core/index.ts';
import type { ActiveVersion } from './follower.ts';
import type { MarketHistory } from './market-history.ts';
import { pacedAlpha } from './model.ts';
import { parseScales } from './request.ts';
import type { Reply } from './server.ts';

/** A model that fails does so at every request: one line in this many ms says it. */
const MODEL_LOG_MS = 10_000;

/** What `GET /v1/metrics` counts, since the process began. */
export interface Counters {
  requests: number;
  refused: number;
  /** Campaigns for which pacing stood in. */
  fallbacks: number;
  /** Answers made with another day's temporal table; absent before the first. */
  stale?: number;
  /** Whether the newest answer was one of them. */
  isStale?: boolean;
  /** Requests whose model failed, so that pacing answered all of them. */
  modelErrors: number;
}

export function createCounters(): Counters {
  return { requests: 0, refused: 0, fallbacks: 0, modelErrors: 0 };
}

/** Told of every request whose model failed. */
export type ModelFailed = (version: string, error: unknown) => void;

/** Counts a model's failures and logs them with their reason, at most one line every 10 s. */
export function createModelAlarm(
  { log, clock }: { readonly log: Logger; readonly clock: () => number },
  counters: Counters,
): ModelFailed {
  let quietUntil = Number.NEGATIVE_INFINITY;
  return (version, error) => {
    counters.modelErrors += 1;
    if (clock() < quietUntil) return;
    quietUntil = clock() + MODEL_LOG_MS;
    const reason = isVamoError(error) ? `${error.code}: ${error.message}` : String(error);
    log.error('bidder.model', { version, reason, failures: counters.modelErrors });
  };
}

/**
 * Answers from the version that is active when the question arrives, whatever happens after.
 * @throws VamoError BIDDER_REQUEST naming the field; BIDDER_NOT_READY
 */
export async function answerScales(
  active: ActiveVersion | null,
  body: string,
  {
    history,
    counters,
    modelFailed,
  }: {
    /** Absent for models without a temporal module. */
    readonly history?: MarketHistory;
    readonly counters: Counters;
    readonly modelFailed: ModelFailed;
  },
): Promise<Reply> {
  counters.requests += 1;
  try {
    const requests = parseScales(body);
    if (active === null) throw new VamoError('BIDDER_NOT_READY', 'no version is loaded yet');
    const { version, files, host } = active;
    const unknown = requests.findIndex(({ task }) => !files.io.tasks.includes(task));
    if (unknown >= 0)
      throw new VamoError(
        'BIDDER_REQUEST',
        `campaigns.${unknown}.task: "${requests[unknown]?.task ?? ''}" is not one of ${files.io.tasks.join(', ')}`,
      );
    await history?.prepare(active, requests[0]?.day ?? '');
    // A model that fails never fails a bid: pacing stands in until it is back.
    const { alphas, fallback, stale } = await host.answer(requests).catch((error: unknown) => {
      modelFailed(version, error);
      return {
        stale: false,
        alphas: Float64Array.from(requests, (request) => pacedAlpha(request, files.limits)),
        fallback: requests.map((_, i) => i),
      };
    });
    counters.fallbacks += fallback.length;
    const stoodIn = fallback.map((i) => requests[i]?.steps.campaignId);
    const degraded = fallback.length > 0 ? { fallback: stoodIn } : {};
    if (stale) counters.stale = (counters.stale ?? 0) + 1;
    if (stale || counters.isStale === true) counters.isStale = stale;
    const aged = stale ? { stale } : {};
    return { status: 200, body: { version, alphas: Array.from(alphas), ...degraded, ...aged } };
  } catch (error) {
    counters.refused += 1;
    throw error;
  }
}
