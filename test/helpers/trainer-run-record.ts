import type { CampaignResult, EvaluationDocument } from '../../src/contracts/index.ts';
import { addDays, dayKey, seededRandom } from '../../src/core/index.ts';
import type { RunRecord, StepRecord } from '../../src/trainer/run-record.ts';

const TASKS = ['store', 'direct', 'cart'];
const CAMPAIGNS = [20, 20, 10];

function evaluation(tasks: readonly string[]): EvaluationDocument {
  const random = seededRandom(4);
  const level: Record<string, number> = {
    ...{ candidate: 0.92, initial: 0.55, logged: 0.78, pid: 0.84, bangbang: 0.94, yesterday: 0.76 },
    ...{ hindsight: 1, 'y=0': 0.62, 'y=0.5': 0.75, 'y=1': 0.88 },
  };
  const best = tasks.flatMap((task, k) =>
    Array.from({ length: CAMPAIGNS[k] ?? 5 }, (_, i) => ({
      id: `${task}-${i}`,
      task,
      value: 50 + 100 * random.next(),
    })),
  );
  const policy = (share: number): CampaignResult[] =>
    best.map(({ id, task, value }) => ({
      campaignId: id,
      task,
      return: value * (share === 1 ? 1 : Math.max(0, share + 0.12 * random.normal())),
      realised: null,
      cost: 80,
      budget: 100,
      wins: 40,
    }));
  return {
    schema: 'evaluation/v1',
    subject: 'a1',
    day: '2026-01-14',
    partitionDigest: 'd0',
    policies: Object.fromEntries(Object.entries(level).map(([name, s]) => [name, policy(s)])),
    losses: {},
  };
}

/** A record with every section filled: smooth curves with seeded noise. */
export function sampleRunRecord(steps = 1200, tasks: readonly string[] = TASKS): RunRecord {
  const random = seededRandom(9);
  const per = (f: (k: number) => number): number[] => tasks.map((_, k) => f(k));
  const decay = (step: number, k: number): number => 0.4 + 0.3 * k + 1.1 * Math.exp(-step / 250);
  const history = Array.from({ length: steps }, (_, step): StepRecord => {
    const raw = per((k) => Math.exp(0.6 * random.normal() + (k === 1 ? 0.5 : 0)));
    const total = raw.reduce((a, b) => a + b, 0);
    const weights = raw.map((x) => x / total);
    const predicted = -0.02 * Math.exp(-step / 300) * (0.6 + random.next());
    const realised = 0.5 * predicted + 0.002 * random.normal();
    return {
      step,
      losses: per((k) => decay(step, k) + 0.12 * random.normal()),
      weights,
      entropy: -weights.reduce((a, w) => a + w * Math.log(w), 0),
      inverseLoss: decay(step, 0),
      gradients: {
        gains: per((k) => (1 + k) * Math.exp(-step / 400) * (1 + random.normal())),
        norms: per(() => 1),
        validationNorm: 1,
        cosines: per((k) => Math.tanh(0.3 + 0.1 * k + 0.25 * random.normal())),
      },
      ...(step % 10 === 0 && { validationChange: { predicted, firstOrder: predicted, realised } }),
    };
  });
  const at = Array.from({ length: 25 }, (_, i) => i * Math.max(1, Math.floor(steps / 24)));
  const first = dayKey('2026-01-05');
  const days = Array.from({ length: 10 }, (_, i) => addDays(first, i));
  return {
    schema: 'run/v1',
    method: 'vamo',
    tasks,
    seed: 17,
    parent: null,
    steps,
    learningRate: 0.001,
    batch: 32,
    parameterCount: 184_322,
    days: { train: days.slice(0, 8), validation: days.slice(8, 9), test: days.slice(9) },
    trajectories: { train: [160, 160, 80], validation: [20, 20, 10], test: [20, 20, 10] },
    history,
    evaluations: at.map((step) => ({
      step,
      losses: {
        train: per((k) => decay(step, k)),
        validation: per((k) => decay(step, k) + 0.08),
        test: per((k) => decay(step, k) + 0.15 + 0.00005 * step),
      },
      inverse: { train: 1, validation: 1, test: 1 },
    })),
    replay: evaluation(tasks),
  };
}
