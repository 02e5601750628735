import { cpaScore, deltaM, replayThreshold } from '../../src/eval/index.ts';
import { bangBangNext } from '../../src/features/index.ts';
import {
  auctionNetTrajectory,
  type BatchDraws,
  type LoggedPeriod,
  type OverspendRound,
  playBatch,
  shownSlots,
  SLOTS,
} from '../../src/sim/index.ts';

export interface CaseResult {
  readonly name: string;
  readonly status: 'pass' | 'fail' | 'skip';
  readonly message?: string;
}

type Matrix = number[][];
type Expected = number | boolean | null | readonly Expected[];

interface AuctionCase {
  name: string;
  reserve: number;
  bids: Matrix;
  marketPrices: Matrix;
  leastWinningCost: number[];
  slot: Matrix;
  xi: Matrix;
  price: Matrix;
  exposureDraw: Matrix;
  isExposed: Matrix;
  conversionDraw: Matrix;
  conversionAction: Matrix;
  charged: Matrix;
  chargedPerAdvertiser: number[];
  conversionsPerAdvertiser: number[];
}

interface OverspendCase {
  name: string;
  reserve: number;
  bids: Matrix;
  remainingBudget: number[];
  rounds: {
    slot: Matrix;
    isExposed: Matrix;
    price: Matrix;
    cost: number[];
    overCostRatio: number[];
    wonPerSlot: Matrix;
    toDropPerSlot: Matrix;
    dropped: [number, number][];
  }[];
  finalBids: Matrix;
  finalCost: number[];
  budgetAfter: number[];
}

interface StateCase extends Pick<LoggedPeriod, 'budget' | 'steps' | 'isEnd'> {
  name: string;
  firstTimeStep: number;
  remainingBudgetBeforeStep: number[];
  trainState: Matrix;
  action: number[];
  reward: number[];
  rewardContinuous: number[];
  done: number[];
  nextState: (number[] | null)[];
  realAllCost: number;
  realAllConversion: number;
}

interface AuctionGolden {
  auction: AuctionCase[];
  overspend: OverspendCase[];
  state: StateCase[];
  offlineReplay: {
    name: string;
    bids: number[];
    leastWinningCosts: number[];
    status: number[];
    cost: number[];
    value: number[];
  }[];
  score: { reward: number; cpa: number; cpaConstraint: number; score: number }[];
  pid: { spendPerStep: number[]; remainingBefore: number[]; alpha: number[] }[];
  deltaM: { method: string; stl: number[]; metrics: number[]; expected: number; printed: number }[];
}

const TOLERANCE = 1e-9;
/** Value of every impression in the replay cases, certain. */
const REPLAY_VALUE = 0.5;

/** Throws, naming the first place, when the shapes differ or a number is off by more than 1e-9. */
function same(what: string, actual: Expected, expected: Expected): void {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    if (actual.length !== expected.length)
      throw new Error(`${what}: length ${actual.length}, expected ${expected.length}`);
    actual.forEach((a: Expected, i) => same(`${what}[${i}]`, a, expected[i] as Expected));
    return;
  }
  const close =
    typeof actual === 'number' && typeof expected === 'number'
      ? Math.abs(actual - expected) <= TOLERANCE * Math.max(Math.abs(actual), Math.abs(expected))
      : actual === expected;
  if (!close) throw new Error(`${what}: ${String(actual)}, expected ${String(expected)}`);
}

function rows(flat: ArrayLike<number>, width: number): Matrix {
  const values = Array.from(flat);
  return Array.from({ length: values.length / width }, (_, i) =>
    values.slice(i * width, (i + 1) * width),
  );
}

const column = (m: Matrix, j: number): number[] => m.map((row) => row[j] ?? 0);
const total = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row, i) => row.map((x, j) => x * (b[i]?.[j] ?? 0)));

function play(
  c: { bids: Matrix; reserve: number },
  remaining: number[],
  draws: BatchDraws,
): OverspendRound[] {
  const batch = {
    impressions: c.bids.length,
    bidders: c.bids[0]?.length ?? 0,
    bids: Float64Array.from(c.bids.flat()),
    remaining: Float64Array.from(remaining),
  };
  return playBatch(batch, { reserve: c.reserve, voidAtReserve: true, batchOverspend: true }, draws);
}

/** Prices and places before void positions are taken back: the same auction without that rule. */
function checkMarketPrices(c: AuctionCase): void {
  const prices = c.bids.map((row) => {
    const sorted = [...row].sort((a, b) => b - a);
    return Array.from({ length: SLOTS }, (_, k) => Math.max(sorted[k + 1] ?? 0, c.reserve));
  });
  same('marketPrices', prices, c.marketPrices);
  same(
    'leastWinningCost',
    prices.map((p) => p[SLOTS - 1] ?? 0),
    c.leastWinningCost,
  );
}

function checkAuction(c: AuctionCase): void {
  const width = c.bids[0]?.length ?? 0;
  const drawAt = (impression: number, slot: number): boolean => {
    const winner = c.slot[impression]?.indexOf(slot) ?? -1;
    return c.exposureDraw[impression]?.[winner] === 1;
  };
  const [played] = play(c, Array<number>(width).fill(Number.POSITIVE_INFINITY), {
    shown: (_round, i) => shownSlots(drawAt(i, 2), drawAt(i, 3)),
  });
  if (!played) throw new Error('no round');
  const slot = rows(played.slot, width);
  const price = rows(played.price, width);
  const exposed = rows(played.exposed, width);
  const charged = times(price, exposed);
  const converted = times(c.conversionDraw, exposed);
  const perBidder = (m: Matrix): number[] => c.bids[0]?.map((_, j) => total(column(m, j))) ?? [];
  checkMarketPrices(c);
  same('slot', slot, c.slot);
  same(
    'xi',
    slot.map((row) => row.map((s) => (s > 0 ? 1 : 0))),
    c.xi,
  );
  same('price', price, c.price);
  same('isExposed', exposed, c.isExposed);
  same('conversionAction', converted, c.conversionAction);
  same('charged', charged, c.charged);
  same('chargedPerAdvertiser', Array.from(played.cost), c.chargedPerAdvertiser);
  same('conversionsPerAdvertiser', perBidder(converted), c.conversionsPerAdvertiser);
}

function checkOverspend(c: OverspendCase): void {
  const width = c.remainingBudget.length;
  const played = play(c, c.remainingBudget, {
    shown: (round, i) => total(c.rounds[round]?.isExposed[i] ?? []),
    dropped: (round) => c.rounds[round]?.dropped ?? [],
  });
  same('rounds', played.length, c.rounds.length);
  played.forEach((round, r) => {
    const expected = c.rounds[r];
    if (!expected) return;
    same(`rounds[${r}].slot`, rows(round.slot, width), expected.slot);
    same(`rounds[${r}].price`, rows(round.price, width), expected.price);
    same(`rounds[${r}].cost`, Array.from(round.cost), expected.cost);
    same(`rounds[${r}].overCostRatio`, Array.from(round.overCostRatio), expected.overCostRatio);
    same(`rounds[${r}].wonPerSlot`, rows(round.wonPerSlot, SLOTS), expected.wonPerSlot);
    same(`rounds[${r}].toDropPerSlot`, rows(round.toDropPerSlot, SLOTS), expected.toDropPerSlot);
  });
  const cost = Array.from(played.at(-1)?.cost ?? []);
  const bids = rows(played.at(-1)?.bids ?? [], width);
  same('finalBids', bids, c.finalBids);
  same('finalCost', cost, c.finalCost);
  same(
    'budgetAfter',
    cost.map((spent, j) => (c.remainingBudget[j] ?? 0) - spent),
    c.budgetAfter,
  );
}

function checkState(c: StateCase): void {
  const period = auctionNetTrajectory({
    horizon: 48,
    firstStep: c.firstTimeStep,
    budget: c.budget,
    steps: c.steps,
    remainingBeforeStep: c.remainingBudgetBeforeStep,
    isEnd: c.isEnd,
  });
  const state = period.map((row) => row.state);
  const next = period.map((row, i) => (row.done ? null : (state[i + 1] ?? null)));
  const exposedSum = (name: 'cost' | 'conversionAction'): number =>
    total(c.steps.map((s) => total(s[name].map((x, i) => x * (s.isExposed[i] ?? 0)))));
  same('trainState', state, c.trainState);
  for (const name of ['action', 'reward', 'rewardContinuous'] as const)
    same(
      name,
      period.map((row) => row[name]),
      c[name],
    );
  same(
    'done',
    period.map((row) => Number(row.done)),
    c.done,
  );
  same('nextState', next, c.nextState);
  same('realAllCost', exposedSum('cost'), c.realAllCost);
  same('realAllConversion', exposedSum('conversionAction'), c.realAllConversion);
}

function checkReplay(c: AuctionGolden['offlineReplay'][number]): void {
  const played = c.bids.map((bid, i) => replayThreshold(bid, c.leastWinningCosts[i] ?? 0));
  same(
    'status',
    played.map((p) => Number(p.won)),
    c.status,
  );
  same(
    'cost',
    played.map((p) => p.cost),
    c.cost,
  );
  same(
    'value',
    played.map((p) => (p.won ? REPLAY_VALUE : 0)),
    c.value,
  );
}

function checkPid(c: AuctionGolden['pid'][number]): void {
  let alpha = 15;
  const alphas = c.spendPerStep.map((_, t) => {
    if (t > 0)
      alpha = bangBangNext(alpha, {
        stepsLeft: 48 - t,
        lastCost: c.spendPerStep[t - 1] ?? 0,
        remaining: c.remainingBefore[t] ?? 0,
      });
    return alpha;
  });
  same('alpha', alphas, c.alpha);
}

function checkDeltaM(c: AuctionGolden['deltaM'][number]): void {
  const percent = deltaM(c.stl, c.metrics);
  same('expected', percent, c.expected);
  same('printed', Math.round(percent * 100) / 100, c.printed);
}

function run(name: string, check: () => void): CaseResult {
  try {
    check();
    return { name, status: 'pass' };
  } catch (error) {
    return {
      name,
      status: 'fail',
      message: error instanceof Error ? error.message : String(error),
    };
  }
}

/** Runs every case of a file of the form of `golden-auction.json`. */
export function runAuctionCases(json: unknown): CaseResult[] {
  const golden = json as AuctionGolden;
  return [
    ...golden.auction.map((c) => run(`auction/${c.name}`, () => checkAuction(c))),
    ...golden.overspend.map((c) => run(`overspend/${c.name}`, () => checkOverspend(c))),
    ...golden.state.map((c) => run(`state/${c.name}`, () => checkState(c))),
    ...golden.offlineReplay.map((c) => run(`offlineReplay/${c.name}`, () => checkReplay(c))),
    ...golden.score.map((c, i) =>
      run(`score/${i}`, () =>
        same('score', cpaScore({ reward: c.reward, cpa: c.cpa, limit: c.cpaConstraint }), c.score),
      ),
    ),
    ...golden.pid.map((c, i) => run(`pid/${i}`, () => checkPid(c))),
    ...golden.deltaM.map((c) => run(`deltaM/${c.method}`, () => checkDeltaM(c))),
  ];
}
