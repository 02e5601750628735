import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { STEPS } from '../../src/core/index.ts';
import { initialParameters, type ModelSettings, parameterPlan } from '../../src/model/index.ts';
import { encodeWeights } from '../../src/trainer/candidate/weights.ts';
import type { TrainJob } from '../../src/trainer/night/job.ts';
import { readParent } from '../../src/trainer/night/parent.ts';
import { encodeTensors, decodeTensors } from '../../src/trainer/safetensors.ts';
import { NORMALISER } from '../helpers/bidder-model.ts';
import { temporalModel, temporalModelIo, temporalNormaliser } from '../helpers/temporal-version.ts';
import { tinyModel } from '../helpers/trainer.ts';

const VERSION = '2026-01-16-r1-0123456789ab';
const trained = { ...tinyModel, size: 'small' };
const io = { tasks: NORMALISER.tasks.length, steps: STEPS, features: STATE_FEATURES };
const plan = parameterPlan(trained, io);
const weights = [initialParameters(plan, 1)];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vamo-parent-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function parentFor(
  model: ModelSettings & { readonly size?: string },
  bytes = encodeWeights(plan, weights, trained),
  normaliser = NORMALISER,
  tasks = normaliser.tasks.map(({ id }) => id),
) {
  const paths = { weights: join(dir, 'w.safetensors'), normaliser: join(dir, 'n.json') };
  await writeFile(paths.weights, bytes);
  await writeFile(paths.normaliser, JSON.stringify(normaliser));
  return readParent({
    parent: { version: VERSION, ...paths },
    config: { model, tasks: tasks.map((id) => ({ id })) } as TrainJob['config'],
    days: { history: [{}, {}] } as unknown as TrainJob['days'],
  });
}

describe('the parent of a night', () => {
  it('comes with the weights it was saved with', async () => {
    const parent = await parentFor(trained);
    expect(parent).toMatchObject({ version: VERSION, normaliser: NORMALISER });
    expect(parent?.models).toEqual(weights);
  });

  it.each<[Record<string, unknown>, string[]]>([
    [
      { size: 'base', hidden: 16 },
      [
        `model.hidden: 16; champion ${VERSION} has 8`,
        `model.size: "base"; champion ${VERSION} has "small"`,
      ],
    ],
    [{ heads: 4 }, [`model.heads: 4; champion ${VERSION} has 2`]],
    [{ likelihood: 'mse' }, [`model.likelihood: "mse"; champion ${VERSION} has "gaussian"`]],
    [
      { experts: { count: 2, balance: 0 } },
      [`model.experts: {"balance":0,"count":2}; champion ${VERSION} has none`],
    ],
  ])('is of the configured model, or the changed keys are named: %j', async (change, lines) => {
    await expect(parentFor({ ...trained, ...change })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: lines.join('\n'),
      mend: expect.stringContaining('--fresh') as string,
    });
  });

  it.each([
    ['more', ['store', 'direct', 'cart', 'app']],
    ['fewer', ['cart']],
    ['others', ['store', 'app']],
  ])('knows the configured tasks, or is refused: %s', async (_, tasks) => {
    const known = NORMALISER.tasks.map(({ id }) => id).join(', ');
    await expect(parentFor(trained, undefined, undefined, tasks)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `tasks: ${tasks.join(', ')}; champion ${VERSION} knows ${known}`,
      mend: expect.stringContaining('--fresh') as string,
    });
  });

  it('may know the tasks in another order', async () => {
    const turned = NORMALISER.tasks.map(({ id }) => id).reverse();
    await expect(parentFor(trained, undefined, undefined, turned)).resolves.not.toBeNull();
  });

  it('may differ in what no tensor depends on', async () => {
    const guidance = { drop: 0.1, strength: 2 };
    const withLabel = { ...trained, guidance };
    const own = parameterPlan(withLabel, io);
    const bytes = encodeWeights(own, [initialParameters(own, 1)], withLabel);
    const stronger = { ...withLabel, guidance: { ...guidance, strength: 3 } };
    // It serves as it was, whatever is configured now.
    await expect(parentFor(stronger, bytes)).resolves.toMatchObject({ settings: withLabel });
  });

  it('is not silently stripped of its temporal module', async () => {
    const own = parameterPlan(temporalModel, temporalModelIo);
    const bytes = encodeWeights(own, [initialParameters(own, 1)], temporalModel);
    await expect(parentFor(temporalModel, bytes, temporalNormaliser)).resolves.not.toBeNull();
    await expect(
      parentFor({ ...temporalModel, temporal: 'none' }, bytes, temporalNormaliser),
    ).rejects.toThrow(/^model\.temporal: "none"; champion \S+ has \{.*"kind":"timesnet"/);
  });

  it('of an older program, which kept no settings, is refused by a tensor', async () => {
    const { tensors } = decodeTensors(encodeWeights(plan, weights, trained));
    const old = encodeTensors(tensors, { format: 'vamo-parameters/v1', models: '1' });
    await expect(parentFor(trained, old)).resolves.not.toBeNull();
    await expect(parentFor({ ...trained, hidden: 16 }, old)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^model: .*champion.*tensor "embed\.weight"/) as string,
    });
  });
});
