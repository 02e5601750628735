import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runAuctionCases } from '../conformance/auction.ts';

type Json = number | string | boolean | null | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json;
}

const golden = JSON.parse(
  await readFile(new URL('../golden/golden-auction.json', import.meta.url), 'utf8'),
) as Record<string, Json[]>;

/** What each section expects; everything else in a case is an input or informative. */
const EXPECTED: Record<string, string[]> = {
  auction: [
    'marketPrices',
    'leastWinningCost',
    'slot',
    'xi',
    'price',
    'isExposed',
    'conversionAction',
    'charged',
    'chargedPerAdvertiser',
    'conversionsPerAdvertiser',
  ],
  overspend: [
    'slot',
    'price',
    'cost',
    'overCostRatio',
    'wonPerSlot',
    'toDropPerSlot',
    'finalBids',
    'finalCost',
    'budgetAfter',
  ],
  state: [
    'trainState',
    'action',
    'reward',
    'rewardContinuous',
    'done',
    'nextState',
    'realAllCost',
    'realAllConversion',
  ],
  offlineReplay: ['status', 'cost', 'value'],
  score: ['score'],
  pid: ['alpha'],
  deltaM: ['expected', 'printed'],
};

/** Every non-zero number under `node`, with a setter. */
function* numbersIn(node: Json[] | JsonObject): Generator<[Json[], number]> {
  for (const [key, value] of Object.entries(node)) {
    if (typeof value === 'number' && value !== 0) yield [node as Json[], key as unknown as number];
    else if (typeof value === 'object' && value !== null) yield* numbersIn(value);
  }
}

function* expectedNumbers(
  node: Json,
  names: string[],
  inside = false,
): Generator<[Json[], number]> {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    const wanted = inside || names.includes(key);
    if (wanted && typeof value === 'number' && value !== 0)
      yield [node as Json[], key as unknown as number];
    else if (wanted && typeof value === 'object' && value !== null) yield* numbersIn(value);
    else yield* expectedNumbers(value, names);
  }
}

describe('golden auction cases', () => {
  it('pass, every one', () => {
    const results = runAuctionCases(golden);
    expect(results.filter((r) => r.status !== 'pass')).toEqual([]);
    expect(results).toHaveLength(65);
  });

  it.each(Object.keys(EXPECTED))(
    '%s: an expected number changed by one percent fails exactly its case',
    (section) => {
      const empty = Object.fromEntries(Object.keys(EXPECTED).map((name) => [name, []]));
      for (const whole of golden[section]!) {
        const neighbour = golden[section]!.find((c) => c !== whole)!;
        const file = { ...empty, [section]: [whole, neighbour] };
        for (const [holder, key] of expectedNumbers(whole, EXPECTED[section]!)) {
          const before = holder[key] as number;
          holder[key] = before * 1.01;
          const statuses = runAuctionCases(file).map((r) => r.status);
          holder[key] = before;
          expect(statuses, JSON.stringify(before)).toEqual(['fail', 'pass']);
        }
      }
    },
  );
});
