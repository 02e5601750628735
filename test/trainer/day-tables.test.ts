import { describe, expect, it, onTestFinished } from 'vitest';
import { addDays, dayKey } from '../../src/core/index.ts';
import { createPlanner, withTable } from '../../src/features/index.ts';
import { loadGraph, loadTemporalGraph } from '../../src/inference/index.ts';
import { parameterPlan } from '../../src/model/index.ts';
import { compilePlanner, tableOf } from '../../src/trainer/candidate/planner.ts';
import { smallCampaign } from '../helpers/bidder-model.ts';
import {
  temporalDraft,
  temporalModel,
  temporalModelIo,
  temporalNormaliser,
  temporalParameters,
  windowBefore,
} from '../helpers/temporal-version.ts';

const MONDAY = dayKey('2026-01-12');
const { history, channels } = temporalModelIo.market!;
const windowOf = (day: typeof MONDAY) => ({
  shape: [1, history, channels],
  data: windowBefore(day),
});
const trained = {
  settings: temporalModel,
  plan: parameterPlan(temporalModel, temporalModelIo),
  io: temporalModelIo,
  models: [temporalParameters(1)],
  batch: 4,
  normaliser: temporalNormaliser,
};
const requests = [0, 1].map((i) => ({
  task: i === 0 ? 'store' : 'cart',
  step: 30,
  steps: smallCampaign(i, i === 0 ? 'store' : 'cart'),
}));

async function alphasOn(day: typeof MONDAY): Promise<Float64Array> {
  const compiled = await compilePlanner(trained, windowOf(day), 1);
  onTestFinished(() => compiled.release());
  return compiled.planner.alphas(requests);
}

describe('a planner of a model with a temporal module', () => {
  it('acts on the market before its own day', async () => {
    const [monday, again, tuesday] = [
      await alphasOn(MONDAY),
      await alphasOn(MONDAY),
      await alphasOn(addDays(MONDAY, 1)),
    ];
    expect(again).toEqual(monday);
    expect(tuesday).not.toEqual(monday);
  });

  it('answers in training’s evaluation what the published files answer', async () => {
    const tuesday = addDays(MONDAY, 1);
    const { files, io } = await temporalDraft(1, MONDAY);
    const graph = await loadGraph(files.graph!, io);
    const temporal = await loadTemporalGraph(files.temporal!, io);
    onTestFinished(() => graph.release());
    onTestFinished(() => temporal.release());
    const z = await temporal.run(windowOf(tuesday));
    const planner = createPlanner(temporalNormaliser, withTable(graph.run, z), { batch: io.batch });
    expect(await planner.alphas(requests)).toEqual(await alphasOn(tuesday));
  });

  it('needs the market of the days before', async () => {
    await expect(tableOf(trained, null)).rejects.toMatchObject({ code: 'WINDOW_INCOMPLETE' });
    const without = { ...trained, settings: { ...temporalModel, temporal: 'none' as const } };
    expect(await tableOf(without, null)).toBeNull();
  });
});
