import { describe, expect, it, onTestFinished } from 'vitest';
import type { GoldenRows, GraphTensor } from '../../src/contracts/index.ts';
import { loadGraph, selfTest } from '../../src/inference/index.ts';
import { IO, smallGolden, smallGraph } from '../helpers/bidder-model.ts';

async function load(bytes: Uint8Array, io = IO, threads = 1) {
  const graph = await loadGraph(bytes, io, { threads });
  onTestFinished(() => graph.release());
  return graph;
}
const inputsOf = (golden: GoldenRows) => {
  const tensor = (name: string): GraphTensor => ({
    shape: golden.inputs[name]!.shape,
    data: Float32Array.from(golden.inputs[name]!.data),
  });
  return { states: tensor('states'), label: tensor('label'), task: tensor('task') };
};

describe('a loaded graph', () => {
  it('answers its golden rows', async () => {
    expect(await selfTest(await load(smallGraph(1)), smallGolden(1))).toBeLessThan(1e-5);
  });
  it('gives the same bits again, in another session, and with two threads', async () => {
    const inputs = inputsOf(smallGolden(1));
    const first = await (await load(smallGraph(1))).run(inputs);
    expect(first.shape).toEqual([IO.batch, IO.steps]);
    for (const threads of [1, 2])
      expect(await (await load(smallGraph(1), IO, threads)).run(inputs)).toEqual(first);
  });
  it.each([
    ['another batch', { ...IO, batch: 8 }, /"states" is float32\[4,96,21\], must be .*\[8,96,21\]/],
    ['more tasks', { ...IO, tasks: ['a', 'b', 'c'] }, /"task" is/],
    ['fewer features', { ...IO, features: 16 }, /"states" is/],
  ])('is refused when its manifest says %s', async (_, io, message) => {
    await expect(loadGraph(smallGraph(1), io)).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(message) as string,
    });
  });
  it('is refused when truncated or not a graph', async () => {
    const bytes = smallGraph(1);
    for (const broken of [
      bytes.subarray(0, bytes.length - 40),
      new Uint8Array(64),
      bytes.subarray(0, 0),
    ])
      await expect(loadGraph(broken, IO)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });
  it('names an input of the wrong shape', async () => {
    const graph = await load(smallGraph(1));
    const inputs = inputsOf(smallGolden(1));
    const label = { shape: [2, 2], data: inputs.label.data };
    await expect(graph.run({ ...inputs, label })).rejects.toThrow(/"label"/);
  });
});

describe('the self-test', () => {
  const golden = smallGolden(1);
  const withOutput = (change: (data: number[]) => void): GoldenRows => {
    const data = [...golden.outputs['logAlpha']!.data];
    change(data);
    return { ...golden, outputs: { logAlpha: { shape: [IO.batch, IO.steps], data } } };
  };
  it.each([
    ['another model’s rows', smallGolden(2)],
    ['one value off by 1 %', withOutput((d) => (d[5]! += 0.01))],
    ['a value that is not a number', withOutput((d) => (d[5] = Number.NaN))],
    ['no rows', withOutput((d) => d.splice(0))],
    ['rows without a label', { ...golden, inputs: { states: golden.inputs['states']! } }],
  ])('refuses %s', async (_, rows) => {
    await expect(selfTest(await load(smallGraph(1)), rows)).rejects.toMatchObject({
      code: 'CHECKPOINT_SELFTEST',
    });
  });
  it('notices a flipped bit of a weight, which the runtime loads without complaint', async () => {
    const bytes = smallGraph(1);
    const weight = Buffer.from(bytes).indexOf(Buffer.from('w')) + 1;
    let refused = 0;
    for (let at = weight; at < bytes.length; at += 7) {
      const changed = Uint8Array.from(bytes);
      changed[at]! ^= 0x40;
      const graph = await loadGraph(changed, IO).catch(() => undefined);
      if (graph === undefined) continue;
      refused += await selfTest(graph, golden).then(
        () => 0,
        () => 1,
      );
      await graph.release();
    }
    expect(refused).toBeGreaterThan(3);
  });
});
