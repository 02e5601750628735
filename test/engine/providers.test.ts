import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import {
  availableProviders,
  compile,
  PROVIDERS,
  trace,
  type ProviderReport,
  type ResidentTensor,
} from '../../src/engine/index.ts';

const double = trace({ x: { shape: [2], dtype: 'float32' } }, ({ x }) => ({
  y: tf.mul(x!, 2),
  total: tf.sum(x!),
}));
const x = { shape: [2], data: Float32Array.of(1, 3) };

describe('providers', () => {
  it('reports on each, with reason and mend where one is not there', async () => {
    const reports: readonly ProviderReport[] = await availableProviders();
    expect(reports.map(({ provider }) => provider)).toEqual(PROVIDERS);
    expect(reports[0]).toEqual({ provider: 'cpu', available: true });
    for (const report of reports) {
      if (report.available) continue;
      expect(report.reason.length).toBeGreaterThan(10);
      expect(report.mend.length).toBeGreaterThan(10);
    }
  });

  it('compiles for each or says why not and what to do', async () => {
    for (const report of await availableProviders()) {
      const { provider } = report;
      const compiled = compile(double, { provider, threads: 1 });
      if (!report.available) {
        await expect(compiled).rejects.toMatchObject({
          code: 'ENGINE_UNAVAILABLE',
          mend: report.mend,
          message: expect.stringContaining(provider) as string,
        });
        continue;
      }
      const graph = await compiled;
      expect([...(await graph.run({ x }))['y']!.data]).toEqual([2, 6]);
      await graph.release();
    }
  });
});

describe('resident outputs', () => {
  const open = () => compile(double, { threads: 1, resident: ['y'] });

  it('stay with the provider and can be fed back and read', async () => {
    const graph = await open();
    const first = await graph.runResident({ x });
    expect(Object.keys(first.host)).toEqual(['total']);
    const second = await graph.runResident({ x: first.resident['y']! });
    expect([...second.host['total']!.data]).toEqual([8]);
    expect(await second.resident['y']!.read()).toEqual({
      shape: [2],
      data: Float32Array.of(4, 12),
    });
    expect(Object.keys(await graph.run({ x })).sort()).toEqual(['total', 'y']);
    await graph.release();
  });

  it('are refused once disposed of, from another provider, and under unknown names', async () => {
    const graph = await open();
    const { resident } = await graph.runResident({ x });
    const y = resident['y']!;
    const foreign: ResidentTensor = { ...y, provider: 'webgpu' };
    const refused = { code: 'ENGINE_GRAPH' };
    await expect(graph.run({ x: foreign })).rejects.toMatchObject(refused);
    y.dispose();
    await expect(graph.run({ x: y })).rejects.toMatchObject(refused);
    await expect(y.read()).rejects.toMatchObject(refused);
    await expect(compile(double, { resident: ['z'] })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('z') as string,
    });
    await graph.release();
  });
});
