import { describe, expect, it } from 'vitest';
import { isResident, residentCount } from '../../../src/engine/index.ts';
import { createWeighting } from '../../../src/trainer/index.ts';
import { createPasses } from '../../../src/trainer/step/passes.ts';
import { createSession } from '../../../src/trainer/step/session.ts';
import { equal } from '../../../src/trainer/step/sight.ts';
import { batchAt, countedBatches, design, initial, learnerOf } from '../../helpers/learner.ts';

const open = () => createSession(design, { initial, inverseLearningRate: 1e-3, threads: 1 });

describe('what a step leaves with the engine', () => {
  it('are task gradients, v and the state: losses and inner products alone come to the host', async () => {
    const session = open();
    const passes = createPasses(design, session, 'weighted');
    const { gradient: v } = await passes.gradient(batchAt(2), equal(3));
    const look = { scope: 'all', metric: 'euclid', validation: 'heldout' } as const;
    const { rows } = await passes.taskGradients(batchAt(1), look, v);
    const made = await passes.update(batchAt(1), rows, { weights: equal(3) }, equal(3));
    session.advance(made.outputs);
    const state = Object.values(session.state.vectors);
    expect(state.length).toBe(6);
    for (const tensor of [v, ...rows.shared, ...rows.heads, ...state])
      expect(isResident(tensor)).toBe(true);
    const others = Object.entries(made.outputs).filter(([, tensor]) => !isResident(tensor));
    expect(others.map(([name]) => name)).toEqual(['inverseLoss']);
    await session.release();
  });

  it('is freed by the next step, but for the state, and all of it in the end', async () => {
    const before = residentCount();
    const session = open();
    const passes = createPasses(design, session, 'weighted');
    const { outputs } = await passes.fused(batchAt(1), equal(3), equal(3));
    session.advance(outputs);
    await passes.gradient(batchAt(2), equal(3));
    expect(residentCount() - before).toBe(7);
    session.sweep();
    expect(residentCount() - before).toBe(6);
    expect((await session.read()).vectors['generator']).not.toEqual(initial.generator);
    await session.release();
    expect(residentCount()).toBe(before);
  });

  it.each([
    ['vamo', { valEvery: 2 }],
    ['pcgrad', {}],
    ['modo', {}],
    ['vanilla', {}],
  ])('grows with no step of %s', async (method, options) => {
    const before = residentCount();
    const learner = learnerOf(createWeighting(method, 3, options));
    const batches = countedBatches();
    const counts: number[] = [];
    for (let i = 0; i < 7; i++) {
      await learner.step(batches, i % 3 === 0);
      counts.push(residentCount() - before);
    }
    // Every sixth step does what step 0 did, and has a state's tensors to free besides.
    expect(Math.max(...counts.slice(4))).toBeLessThanOrEqual(Math.max(...counts.slice(1, 4)));
    await learner.release();
    expect(residentCount()).toBe(before);
  });
});
