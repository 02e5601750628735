import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { describe, expect, it } from 'vitest';
import type { GraphRunner, GraphTensor } from '../../src/contracts/index.ts';
import { createPlanner, fitNormaliser, type PlanRequest } from '../../src/features/index.ts';
import { daysOfSteps, TASKS } from '../helpers/eval-auction.ts';

const days = daysOfSteps(2);
const efficiencies = { sales: [0.2, 0.9], baskets: [0.5, 0.7] };
const normaliser = fitNormaliser({ days, tasks: TASKS, efficiencies, minRemaining: 0.1 });
const requests: PlanRequest[] = days[1]!.campaigns.map((steps, i) => ({
  task: steps.task,
  steps,
  step: i * 20,
}));

/** A causal graph written out: each step's answer is a sum over the states so far, the label, the task. */
function causalGraph(calls: Record<string, GraphTensor>[] = []): GraphRunner {
  return (inputs) => {
    calls.push(inputs);
    const batch = inputs.states.shape[0]!;
    const data = new Float32Array(batch * 96);
    for (let b = 0; b < batch; b++) {
      let total = inputs.label.data[b]! + inputs.task.data[b * 2 + 1]!;
      for (let t = 0; t < 96; t++) {
        for (let j = 0; j < STATE_FEATURES; j++)
          total += 0.001 * inputs.states.data[(b * 96 + t) * STATE_FEATURES + j]!;
        data[b * 96 + t] = total;
      }
    }
    return Promise.resolve({ shape: [batch, 96], data });
  };
}

describe('createPlanner', () => {
  it('gives the same alphas whatever the static batch', async () => {
    const calls: Record<string, GraphTensor>[] = [];
    const wide = await createPlanner(normaliser, causalGraph(), { batch: 32 }).alphas(requests);
    const narrow = await createPlanner(normaliser, causalGraph(calls), { batch: 2 }).alphas(
      requests,
    );
    expect(narrow).toEqual(wide);
    expect(calls.map((c) => c['states']!.shape)).toEqual([
      [2, 96, STATE_FEATURES],
      [2, 96, STATE_FEATURES],
      [2, 96, STATE_FEATURES],
    ]);
    expect(new Set(wide).size).toBeGreaterThan(1);
  });

  it('gives the graph nothing of the step to act in or later', async () => {
    const calls: Record<string, GraphTensor>[] = [];
    const planner = createPlanner(normaliser, causalGraph(calls), { batch: 8 });
    const blinded = requests.map((request) => ({
      ...request,
      steps: {
        ...request.steps,
        columns: Object.fromEntries(
          Object.entries(request.steps.columns).map(([name, column]) => {
            const opens = ['budget', 'remaining', 'active'].includes(name) ? 1 : 0;
            return [name, column.map((x, s) => (s >= request.step + opens ? 12345 : x))];
          }),
        ) as PlanRequest['steps']['columns'],
      },
    }));
    expect(await planner.alphas(blinded)).toEqual(await planner.alphas(requests));
    const { data } = calls[0]!['states']!;
    requests.forEach(({ step }, i) => {
      const rows = data.subarray(i * 96 * STATE_FEATURES, (i + 1) * 96 * STATE_FEATURES);
      expect(rows.subarray(0, (step + 1) * STATE_FEATURES).some((x) => x !== 0)).toBe(true);
      expect(rows.subarray((step + 1) * STATE_FEATURES).every((x) => x === 0)).toBe(true);
    });
  });

  it('asks for the given return, or each task’s own', async () => {
    const calls: Record<string, GraphTensor>[] = [];
    const asked = {
      ...normaliser,
      tasks: normaliser.tasks.map((t) => ({ ...t, askedReturn: 0.9 })),
    };
    const planner = createPlanner(asked, causalGraph(calls), { batch: 8 });
    await planner.alphas(requests);
    await planner.alphas(requests, 0.25);
    expect(calls.map((c) => c['label']!.data[4])).toEqual([Math.fround(0.9), 0.25]);
    expect([...calls[0]!['task']!.data.subarray(0, 4)]).toEqual([1, 0, 0, 1]);
  });

  it('reads ln alpha in the task’s units and stays in its limits', async () => {
    const constant =
      (value: number): GraphRunner =>
      ({ states }) =>
        Promise.resolve({
          shape: [states.shape[0]!, 96],
          data: new Float32Array(states.shape[0]! * 96).fill(value),
        });
    const run = (value: number) =>
      createPlanner(normaliser, constant(value), { batch: 4 }).alphas(requests.slice(0, 2));
    const [sales, baskets] = normaliser.tasks;
    const middle = await run(0.25);
    expect(middle[0]).toBeCloseTo(Math.exp(sales!.logAlphaMean + sales!.logAlphaSd * 0.25), 12);
    expect(middle[1]).toBeCloseTo(Math.exp(baskets!.logAlphaMean + baskets!.logAlphaSd * 0.25), 12);
    expect([...(await run(50))]).toEqual([sales!.alphaHigh, baskets!.alphaHigh]);
    expect([...(await run(-50))]).toEqual([sales!.alphaLow, baskets!.alphaLow]);
  });

  it('answers the task’s mean alpha and counts it when the graph gives no number', async () => {
    const broken: GraphRunner = ({ states }) =>
      Promise.resolve({
        shape: [states.shape[0]!, 96],
        data: new Float32Array(states.shape[0]! * 96).fill(Number.NaN),
      });
    const planner = createPlanner(normaliser, broken, { batch: 4 });
    const alphas = await planner.alphas(requests);
    alphas.forEach((alpha, i) => {
      const scale = normaliser.tasks.find((t) => t.id === requests[i]!.task)!;
      expect(alpha).toBe(Math.exp(scale.logAlphaMean));
    });
    expect(planner.fallbacks).toBe(requests.length);
  });

  it('refuses an unknown task and a step outside the day', async () => {
    const planner = createPlanner(normaliser, causalGraph(), { batch: 4 });
    const [first] = requests;
    await expect(planner.alphas([{ ...first!, task: 'videos' }])).rejects.toMatchObject({
      code: 'BIDDER_REQUEST',
    });
    await expect(planner.alphas([{ ...first!, step: 96 }])).rejects.toThrow(/step: 96/);
  });
});
