import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../../src/config/index.ts';
import { createWeighting } from '../../../src/trainer/index.ts';
import { combined, gainsAgainst } from '../../../src/trainer/step/inner-products.ts';
import { equal } from '../../../src/trainer/step/sight.ts';
import {
  batchAt,
  countedBatches,
  design,
  initial,
  learnerOf,
  passesOf,
} from '../../helpers/learner.ts';

it('the configuration of docs/methods.md is Algorithm 1 and eq. 5 to the letter', async () => {
  const docs = await readFile(new URL('../../../docs/methods.md', import.meta.url), 'utf8');
  const [, example] = /```json\n(\{[^`]*"preset": "paper".*?)```/s.exec(docs)!;
  const directory = await mkdtemp(join(tmpdir(), 'vamo-paper-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'config.json'), example!);
  const { training } = await loadConfig([join(directory, 'config.json')]);
  expect([training.method, training.optimiser.decay]).toEqual(['vamo', 'none']);

  const learningRate = 0.05;
  const plain = { ...design, optimiser: { ...training.optimiser, learningRate } };
  const { session, passes } = passesOf(plain);
  const { rows } = await passes.taskGradients(batchAt(10));
  const { gradient: v } = await passes.gradient(batchAt(1010), equal(3));
  const gains = gainsAgainst(v, rows, { scope: 'all', metric: null });
  const top = Math.max(...gains);
  const mass = gains.map((m) => Math.exp(m - top));
  const total = mass.reduce((a, b) => a + b, 0);
  const d = combined(
    rows,
    mass.map((x) => x / total),
  );

  const weighting = createWeighting('vamo', 3, training.methodOptions);
  const learner = learnerOf(weighting, { design: plain });
  await learner.step(countedBatches(), false);
  const after = (await learner.read()).vectors['generator']!;
  await learner.release();
  await session.release();
  const size = Math.max(...d.map(Math.abs));
  initial.generator.forEach((theta, i) =>
    expect(Math.abs((theta - after[i]!) / learningRate - d[i]!) / size).toBeLessThan(1e-4),
  );
});
