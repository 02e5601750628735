import { z } from 'zod';
import { dayKey, type DayKey, sha256, stableJson, STEPS, VamoError } from '../core/index.ts';
import { DIGEST_PATTERN } from './checkpoint.ts';
import { jsonBytes, readJson } from './strict-json.ts';

const MAX_MARKET_BYTES = 4 * 1024 * 1024;

const perStep = z.array(z.number().min(0)).length(STEPS);

/** Sums of one day over all campaigns and, where tasks differ, over each task's; units of StepSums. */
const marketSums = z.strictObject({
  outcomes: perStep,
  lwc: perStep,
  wins: perStep,
  tasks: z.record(
    z.string(),
    z.strictObject({ outcomes: perStep, pv: perStep, reward_seen: perStep }),
  ),
});
export type MarketSums = z.infer<typeof marketSums>;

/** A sealed day's market, as bidders and publishers read it: small, of no campaign in particular. */
const marketDay = z.strictObject({
  schema: z.literal('market/v1'),
  day: z.string(),
  /** The sealed sums it was made from. */
  generation: z.int(),
  stepsDigest: z.string(),
  /** SHA-256 over the sums in canonical JSON. */
  sumsDigest: z.string().regex(DIGEST_PATTERN),
  sums: marketSums,
});
type MarketDay = z.infer<typeof marketDay>;

/** Where a day's market is kept. */
export function marketKey(day: DayKey): string {
  return `market/${day}.json`;
}

/** The file of a day's market. */
export function marketFile(day: Omit<MarketDay, 'schema' | 'sumsDigest'>): Uint8Array {
  const sumsDigest = sha256(stableJson(day.sums));
  return jsonBytes(marketDay.parse({ schema: 'market/v1', ...day, sumsDigest }));
}

/**
 * Reads the market of a day.
 * @throws VamoError STORE_CORRUPT when it is malformed, damaged, or of another day
 */
export function parseMarketDay(bytes: Uint8Array, day: DayKey): MarketDay {
  const what = marketKey(day);
  const market = readJson(marketDay, bytes, {
    what,
    code: 'STORE_CORRUPT',
    maxBytes: MAX_MARKET_BYTES,
  });
  if (dayKey(market.day) !== day)
    throw new VamoError('STORE_CORRUPT', `${what}: it is of day ${market.day}`);
  const found = sha256(stableJson(market.sums));
  if (found !== market.sumsDigest)
    throw new VamoError(
      'STORE_CORRUPT',
      `${what}: sums give ${found}, it says ${market.sumsDigest}`,
    );
  return market;
}
