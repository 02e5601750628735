import {
  type MarketSums,
  marketFile,
  marketKey,
  type Normaliser,
  STATE_FEATURES,
} from '../../src/contracts/index.ts';
import { addDays, type DayKey, seededRandom, STEPS } from '../../src/core/index.ts';
import { windowOfSums } from '../../src/features/index.ts';
import {
  initialParameters,
  type ModelIo,
  type ModelSettings,
  parameterPlan,
  type ParameterVectors,
} from '../../src/model/index.ts';
import type { CheckpointDraft } from '../../src/publisher/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { exportCandidate } from '../../src/trainer/candidate/export.ts';
import { NORMALISER, smallDraft, TASKS } from './bidder-model.ts';
import { tinyModel, refOf, walk } from './trainer.ts';

const HISTORY = 2;
const CHANNELS = 4 + TASKS.length;

export const temporalModel: ModelSettings = {
  ...tinyModel,
  temporal: {
    ...{ kind: 'timesnet', width: 4, inner: 4, blocks: 1, kernels: 2, periods: 2 },
    ...{ spectrum: 'block', forecast: false },
  },
};
export const temporalModelIo: ModelIo = {
  tasks: TASKS.length,
  steps: STEPS,
  features: STATE_FEATURES,
  market: { channels: CHANNELS, history: HISTORY * STEPS },
};
export const temporalNormaliser: Normaliser = {
  ...NORMALISER,
  marketMean: Array<number>(CHANNELS).fill(0.5),
  marketSd: Array<number>(CHANNELS).fill(1),
};

/** A day's market, different every day. */
export function marketOf(day: DayKey): MarketSums {
  const random = seededRandom(Date.parse(day) / 864e5, 3);
  const draw = (most: number): number[] =>
    Array.from({ length: STEPS }, () => Math.floor(most * random.next()));
  return {
    outcomes: draw(20),
    lwc: draw(4e7),
    wins: draw(10),
    tasks: Object.fromEntries(
      TASKS.map((id) => [id, { outcomes: draw(10), pv: draw(9e9), reward_seen: draw(1e6) }]),
    ),
  };
}

export const keepMarket = (store: Pick<ObjectStore, 'put'>, day: DayKey): Promise<void> =>
  store.put(
    marketKey(day),
    marketFile({ day, generation: 1, stepsDigest: 's', sums: marketOf(day) }),
  );

/** The standardised market of the days before one. */
export const windowBefore = (day: DayKey): Float32Array =>
  windowOfSums(
    [addDays(day, -2), addDays(day, -1)].map(marketOf),
    temporalNormaliser.tasks,
    temporalNormaliser,
  );

/** Untrained parameters whose z is not near 0, so that a wrong day shows. */
export function temporalParameters(seed: number): ParameterVectors {
  const plan = parameterPlan(temporalModel, temporalModelIo);
  const vectors = initialParameters(plan, seed);
  const projection = plan.generator.find(({ name }) => name === 'temporal.proj.weight')!;
  const { offset, size } = projection;
  for (let i = offset; i < offset + size; i++) vectors.generator[i]! *= 40;
  return vectors;
}

/** A version with a temporal module, its table made for `servedDay`. */
export async function temporalDraft(seed: number, servedDay: DayKey): Promise<CheckpointDraft> {
  const { files } = await exportCandidate({
    settings: temporalModel,
    plan: parameterPlan(temporalModel, temporalModelIo),
    io: temporalModelIo,
    models: [temporalParameters(seed)],
    normaliser: temporalNormaliser,
    batch: 4,
    trajectories: TASKS.map((id, task) => refOf(walk(task, 40 + task, id))),
    served: {
      day: servedDay,
      market: { shape: [1, HISTORY * STEPS, CHANNELS], data: windowBefore(servedDay) },
    },
  });
  const { io, ...draft } = smallDraft(seed, { files, testDay: addDays(servedDay, -1) });
  const temporal = {
    ...{ models: 1, hidden: temporalModel.hidden },
    ...{ channels: CHANNELS, history: HISTORY * STEPS },
  };
  return { ...draft, io: { ...io, temporal } };
}
