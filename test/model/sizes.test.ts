import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { STATE_FEATURES } from '../../src/contracts/index.ts';
import {
  initialParameters,
  type ModelIo,
  type ModelSettings,
  parameterPlan,
} from '../../src/model/index.ts';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

async function settingsOf(model: object): Promise<ModelSettings> {
  const path = join(await mkdtemp(join(tmpdir(), 'vamo-sizes-')), 'config.json');
  await writeFile(path, JSON.stringify({ model, training: { actions: 'logged' } }));
  return (await loadConfig([path])).model;
}

const io = (features: number): ModelIo => ({
  tasks: 3,
  steps: 96,
  features,
  market: { channels: 7, history: 192 },
});

function counts(settings: ModelSettings, features: number) {
  const plan = parameterPlan(settings, io(features));
  const temporal = plan.generator
    .filter(({ name }) => name.startsWith('temporal.'))
    .reduce((sum, { size }) => sum + size, 0);
  return {
    temporal,
    encoder: plan.sharedSize - temporal,
    head: plan.headSize,
    inverse: plan.inverseSize,
    total: plan.generatorSize + plan.inverseSize,
  };
}

describe('the model’s sizes', () => {
  it.each([
    [
      'small',
      { temporal: 73_456, encoder: 157_312, head: 17_664, inverse: 25_345, total: 309_105 },
    ],
    [
      'base',
      { temporal: 292_320, encoder: 807_808, head: 50_560, inverse: 83_457, total: 1_335_265 },
    ],
    [
      'large',
      { temporal: 592_448, encoder: 4_768_000, head: 165_504, inverse: 83_457, total: 5_940_417 },
    ],
  ] as const)('%s: parameters as planned for 16 state features', async (size, expected) => {
    expect(
      counts(await settingsOf({ size, temporal: 'timesnet', policyHead: 'inverse' }), 16),
    ).toEqual(expected);
  });

  it.each([
    ['small', 315_855],
    ['base', 1_348_735],
    ['large', 5_962_207],
  ] as const)('%s: in all for the state features there are', async (size, expected) => {
    const { total } = counts(
      await settingsOf({ size, temporal: 'timesnet', policyHead: 'inverse' }),
      STATE_FEATURES,
    );
    expect(total).toBe(expected);
  });

  it.each(['small', 'base', 'large'])('%s: the LSTM is as large as TimesNet', async (size) => {
    const [timesNet, lstm] = await Promise.all(
      ['timesnet', 'lstm'].map(async (temporal) =>
        counts(await settingsOf({ size, temporal }), 16),
      ),
    );
    expect(Math.abs(lstm!.temporal / timesNet!.temporal - 1)).toBeLessThan(0.01);
  });

  it('a key of its own wins over the size', async () => {
    const settings = await settingsOf({
      size: 'base',
      layers: 2,
      temporal: { kind: 'timesnet', kernels: 6 },
    });
    expect(settings).toMatchObject({
      hidden: 128,
      layers: 2,
      temporal: { kind: 'timesnet', width: 32, inner: 64, kernels: 6, periods: 3, blocks: 2 },
    });
  });

  it('experts add what is planned', async () => {
    const [plain, mixed] = await Promise.all([
      settingsOf({ size: 'small' }),
      settingsOf({ size: 'small', experts: { count: 4, balance: 0.01 } }),
    ]);
    expect(counts(mixed, 16).total - counts(plain, 16).total).toBe(67_084);
  });
});

it('the temporal module’s parameters stand first; the others start as without it', async () => {
  const settings = await settingsOf({ temporal: 'timesnet' });
  const [plan, without] = [settings, { ...settings, temporal: 'none' } as const].map((s) =>
    parameterPlan(s, io(16)),
  );
  const first = plan!.generator.findIndex(({ name }) => !name.startsWith('temporal.'));
  expect(plan!.generator[first]!.name).toBe('embed.weight');
  expect(plan!.generator.slice(first).some(({ name }) => name.startsWith('temporal.'))).toBe(false);
  const rest = initialParameters(plan!, 5).generator.subarray(plan!.generator[first]!.offset);
  expect(rest).toEqual(initialParameters(without!, 5).generator);
});
