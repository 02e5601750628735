/**
 * Training steps of src/trainer, in a process of its own and by the same protocol as
 * `step_torch.py`, so that times and peak memory are of like things.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { seededRandom } from '../../src/core/index.ts';
import type { HostTensor } from '../../src/engine/index.ts';
import { namedParameters, parameterPlan } from '../../src/model/index.ts';
import { createLearner, createWeighting } from '../../src/trainer/index.ts';
import type { StepSetup } from './step-peer.ts';

const folder = process.argv[2]!;
const setup = JSON.parse(readFileSync(`${folder}/setup.json`, 'utf8')) as StepSetup & {
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly batch: readonly { readonly name: string; readonly shape: readonly number[] }[];
};

function read(file: string, entries: typeof setup.batch): Map<string, HostTensor> {
  const bytes = readFileSync(`${folder}/${file}`);
  let at = 0;
  return new Map(
    entries.map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const data = new Float32Array(size);
      Buffer.from(data.buffer).set(bytes.subarray(at, at + 4 * size));
      at += 4 * size;
      // Indices went through the file as floats.
      return [name, { shape, data: name.endsWith('day') ? Int32Array.from(data) : data }];
    }),
  );
}

const { model, io, counts, optimiser, inverseLearningRate, threads, route } = setup;
const plan = parameterPlan(model, io);
const initial = {
  generator: new Float32Array(plan.generatorSize),
  inverse: new Float32Array(plan.inverseSize),
};
const given = read('parameters.bin', setup.parameters);
for (const { parameter, data } of namedParameters(plan, initial))
  data.set(given.get(parameter.name)!.data);
const inputs = [...read('batch.bin', setup.batch)];
const held = 'validation.';
const train = Object.fromEntries(inputs.filter(([name]) => !name.startsWith(held)));
const validation = Object.fromEntries(
  inputs.flatMap(([name, x]) => (name.startsWith(held) ? [[name.slice(held.length), x]] : [])),
);
const learner = createLearner({
  design: { settings: model, io, plan, counts, optimiser },
  tasks: counts.map((_, task) => `task ${task}`),
  weighting: createWeighting(route.method, io.tasks, route.options),
  gains: { gains: route.gains, gainsEvery: route.gainsEvery },
  random: seededRandom(3),
  inverseLearningRate,
  initial,
  threads,
});
const batches = { train: () => train, validation: () => validation };
process.stdout.write(`${JSON.stringify({ node: process.version })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const ms: number[] = [];
  const losses: number[][] = [];
  for (let i = 0; i < Number(line); i++) {
    const start = performance.now();
    const record = await learner.step(batches, false);
    ms.push(performance.now() - start);
    losses.push([...record.losses, record.inverseLoss]);
  }
  const peakRss = process.resourceUsage().maxRSS;
  process.stdout.write(`${JSON.stringify({ ms, losses, peakRss })}\n`);
}
await learner.release();
