import { describe, expect, it, onTestFinished } from 'vitest';
import { loadModel, parseScales, scalesRequest, type ServedFiles } from '../../src/bidder/index.ts';
import { normaliser, readJson } from '../../src/contracts/index.ts';
import { createPlanner } from '../../src/features/index.ts';
import { loadGraph } from '../../src/inference/index.ts';
import { IO, NORMALISER, smallCampaign, smallDraft } from '../helpers/bidder-model.ts';

const draft = smallDraft(1);
const FILES: ServedFiles = {
  io: draft.io,
  limits: draft.limits,
  graph: draft.files.graph!,
  normaliser: draft.files.normaliser!,
  golden: draft.files.golden!,
};
/** A clock that says every call took the same time. */
const ticking = (ms: number) => {
  let now = 0;
  return () => (now += ms);
};
async function load(changes: Partial<ServedFiles> = {}, ms = 1) {
  const model = await loadModel({ ...FILES, ...changes }, { clock: ticking(ms) });
  onTestFinished(() => model.release());
  return model;
}
const campaigns = [0, 1, 2, 3, 4, 5].map((i) => smallCampaign(i, i % 2 === 0 ? 'store' : 'cart'));
const requests = parseScales(JSON.stringify(scalesRequest('2026-01-13', 30, campaigns)));

describe('a served model', () => {
  it('answers what the planner of the evaluation answers, more campaigns than a batch holds', async () => {
    const graph = await loadGraph(FILES.graph, IO);
    onTestFinished(() => graph.release());
    const source = { what: 'n', code: 'CHECKPOINT_INVALID', maxBytes: 1e6 } as const;
    const scale = readJson(normaliser, FILES.normaliser, source);
    const planner = createPlanner(scale, graph.run, { batch: IO.batch });
    const { alphas, fallback } = await (await load()).answer(requests);
    expect(alphas).toEqual(await planner.alphas(requests));
    expect(new Set(alphas).size).toBe(6);
    expect(fallback).toEqual([]);
  });
  it('lets pacing stand in where an alpha is outside the release limits', async () => {
    const alpha = { store: [0.01, 20], cart: [0.3, 0.31] } as ServedFiles['limits']['alpha'];
    const { alphas, fallback } = await (
      await load({ limits: { ...FILES.limits, alpha } })
    ).answer(requests);
    expect(fallback).toEqual([1, 3, 5]);
    for (const i of fallback) expect([0.3, 0.31]).toContain(alphas[i]);
    expect(alphas[0]).toBe((await (await load()).answer(requests)).alphas[0]);
  });
  it('is refused when a batch takes longer than its limits allow', async () => {
    await expect(load({}, FILES.limits.maxMs + 1)).rejects.toMatchObject({
      code: 'CHECKPOINT_SELFTEST',
      message: expect.stringContaining('limits.maxMs is 250') as string,
    });
  });
  it('is refused with another model’s normaliser', async () => {
    const other = { ...NORMALISER, tasks: [...NORMALISER.tasks].reverse() };
    const bytes = new TextEncoder().encode(JSON.stringify(other));
    await expect(load({ normaliser: bytes })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
    });
  });
});
