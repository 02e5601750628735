import { beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/index.ts';
import { sha256 } from '../../src/core/index.ts';
import type { DayLog, DaySteps } from '../../src/contracts/index.ts';
import type { RewardKind, Trajectory } from '../../src/features/index.ts';
import { type TrainingDay, trainingDay } from '../../src/trainer/index.ts';
import { datasetOf, normaliserOf } from '../../src/trainer/night/days.ts';
import { simConfig, simulateDays } from '../helpers/sim-world.ts';

/** What is known of a day before training indexes it. */
interface Known {
  readonly steps: DaySteps;
  readonly log: DayLog;
}
type Days = Record<'train' | 'validation' | 'test', Known[]>;
let config: Config;
let days: Days;
const rulesOf = ({ market, tasks }: Config) => ({ ...market, tasks });

beforeAll(async () => {
  config = await simConfig({ auctionsPerDay: 300 });
  const played = await simulateDays(config, 4);
  const [a, b, c, d] = played.map((simulated): Known => {
    return { steps: simulated.truth, log: simulated.log() };
  });
  days = { train: [a!, b!], validation: [c!], test: [d!] };
});

function dataset(of: Days, actions: 'logged' | 'hindsight', reward?: RewardKind) {
  const rules = rulesOf(config);
  const indexed = (days: readonly Known[]): TrainingDay[] =>
    days.map((known) => trainingDay(known, { rules, actions, reward }));
  const split = {
    train: indexed(of.train),
    validation: indexed(of.validation),
    test: indexed(of.test),
  };
  const options = { history: null, actions };
  const { splits } = datasetOf(split, normaliserOf(split.train, rules), rules, options);
  const read = (name: keyof Days) => splits[name].trajectories.map((ref) => ref.read());
  return { train: read('train'), validation: read('validation'), test: read('test') };
}

/** A trajectory's content, short enough to compare. */
const digestOf = ({ campaignId, task, label, states, actions, mask }: Trajectory): string =>
  [
    campaignId,
    task,
    label,
    ...[states, actions, mask].map((x) => sha256(new Uint8Array(x.buffer))),
  ].join();

describe('datasetOf', () => {
  it('has each campaign-day once as it was bid, and once more with hindsight', () => {
    const logged = dataset(days, 'logged').train;
    const both = dataset(days, 'hindsight').train;
    expect(both).toHaveLength(2 * logged.length);
    expect(both.filter((_, i) => i % 2 === 0).map(digestOf)).toEqual(logged.map(digestOf));
    logged.forEach((own, i) => {
      const { label, actions, states } = both[2 * i + 1]!;
      expect(label).toBe(1);
      expect(digestOf({ ...own, states })).toBe(digestOf(own));
      expect(digestOf({ ...own, actions })).not.toBe(digestOf(own));
    });
  });

  it('teaches nothing of the days after the training days', () => {
    const [later] = days.test;
    const cheap = later!.log.campaigns.map((c) => ({
      ...c,
      outcomes: { ...c.outcomes, competing1: c.outcomes.competing1.map((bid) => bid / 9) },
    }));
    const changed = { ...later!, log: { ...later!.log, campaigns: cheap } };
    const other = { ...days, validation: [changed], test: [changed] };
    const digests = (of: Days, split: keyof Days): string[] =>
      dataset(of, 'hindsight')[split].map(digestOf);
    expect(digests(other, 'train')).toEqual(digests(days, 'train'));
    expect(digests(other, 'test')).not.toEqual(digests(days, 'test'));
  });

  it('with realised rewards labels by the conversions attributed per unit of budget', () => {
    const sum = (all: ArrayLike<number>): number => Array.from(all).reduce((a, b) => a + b, 0);
    const played = days.train.flatMap(({ steps }) => steps.campaigns);
    const earned = ({ columns }: (typeof played)[number]): number =>
      sum(columns.reward_attributed) / columns.budget.at(-1)!;
    const labels = dataset(days, 'logged', 'realised').train.map(({ label }) => label);
    const expected = played.map((campaign) => {
      const rivals = played.filter(({ task }) => task === campaign.task).map(earned);
      const low = Math.min(...rivals);
      return (earned(campaign) - low) / (Math.max(...rivals) - low);
    });
    expect(labels).toHaveLength(expected.length);
    for (const [i, label] of labels.entries()) expect(label).toBeCloseTo(expected[i]!, 9);
    expect(new Set(labels).size).toBeGreaterThan(3);
    expect(labels).not.toEqual(dataset(days, 'logged').train.map(({ label }) => label));
  });

  it('has no hindsight of a day whose log lacks competing bids', () => {
    const [first, second] = days.train;
    const blind = first!.log.campaigns.map((c) => ({
      ...c,
      outcomes: { ...c.outcomes, competing1: c.outcomes.competing1.map(() => 0) },
    }));
    const without = { ...first!, log: { ...first!.log, campaigns: blind } };
    const made = dataset({ ...days, train: [without, second!] }, 'hindsight').train;
    const all = dataset(days, 'hindsight').train;
    expect(made).toHaveLength((all.length * 3) / 4);
  });
});
