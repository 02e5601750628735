import { readFile } from 'node:fs/promises';
import { normaliser as normaliserSchema } from '../../contracts/index.ts';
import { isVamoError, stableJson, STEPS, VamoError } from '../../core/index.ts';
import { type ModelIo, type ModelSettings, parameterPlan } from '../../model/index.ts';
import { decodeWeights, trainedModel } from '../candidate/weights.ts';
import type { TrainJob } from './job.ts';
import type { Parent } from './learn.ts';

/** Keys that change what weights mean, though their shapes stay the same. */
const MEANT: ReadonlySet<string> = new Set(['heads', 'temporal', 'likelihood', 'policyHead']);

const MEND = 'Restore what was changed, or train a new model with `--fresh`.';

/** A model has an input and a head for each task it was trained on, and for no other. */
function refuseOtherTasks(version: string, asked: readonly string[], known: readonly string[]) {
  if (asked.length === known.length && asked.every((id) => known.includes(id))) return;
  throw new VamoError(
    'CONFIG_INVALID',
    `tasks: ${asked.join(', ')}; champion ${version} knows ${known.join(', ')}`,
    {
      details: { key: 'tasks', asked, known },
      mend: 'Train a new model with `--fresh`; `vamo publish` compares it with the champion on the tasks that both know.',
    },
  );
}

/**
 * The version a night fine-tunes from. It keeps its normaliser: a moved one would shift every input
 * of trained weights.
 * @throws VamoError CONFIG_INVALID when it knows other tasks than the configured ones, or the configured
 *   model is another one, naming tasks or keys; CHECKPOINT_INVALID
 */
export async function readParent({
  parent,
  config,
  days,
}: Pick<TrainJob, 'parent' | 'config' | 'days'>): Promise<Parent | null> {
  if (parent === null) return null;
  const { version } = parent;
  const parsed = normaliserSchema.safeParse(JSON.parse(await readFile(parent.normaliser, 'utf8')));
  if (!parsed.success)
    throw new VamoError('CHECKPOINT_INVALID', `normaliser of ${version}: ${parsed.error.message}`);
  const normaliser = parsed.data;
  const [asked, known] = [config.tasks, normaliser.tasks].map((list) => list.map(({ id }) => id));
  refuseOtherTasks(version, asked ?? [], known ?? []);
  const io: ModelIo = {
    tasks: normaliser.tasks.length,
    steps: normaliser.trafficShare.length - 1,
    features: normaliser.stateMean.length,
    ...(config.model.temporal !== 'none' && {
      market: { history: days.history.length * STEPS, channels: normaliser.marketMean.length },
    }),
  };
  const bytes = await readFile(parent.weights);
  const trained = trainedModel(bytes);
  return {
    version,
    models: modelsOf({ version, bytes, trained }, config, io),
    normaliser,
    settings: trained ?? config.model,
  };
}

/** The bytes are what the manifest says: weights that do not fit are of another model. */
function modelsOf(
  champion: {
    readonly version: string;
    readonly bytes: Uint8Array;
    readonly trained: ModelSettings | null;
  },
  { model }: TrainJob['config'],
  io: ModelIo,
) {
  const { version, bytes, trained } = champion;
  const changes = trained === null ? [] : changesOf(model, trained);
  const refuse = (cause?: VamoError): VamoError =>
    new VamoError(
      'CONFIG_INVALID',
      changes.length > 0
        ? changes
            .map(([key, now, then]) => `model.${key}: ${now}; champion ${version} has ${then}`)
            .join('\n')
        : `model: has other tensors than champion ${version}: ${cause?.message ?? ''}`,
      { mend: MEND, cause },
    );
  if (changes.some(([key]) => MEANT.has(key))) throw refuse();
  try {
    return decodeWeights(parameterPlan(model, io), bytes);
  } catch (error) {
    throw isVamoError(error, 'CHECKPOINT_INVALID') ? refuse(error) : error;
  }
}

/** The keys that differ, as they are now and as they were, in the order of the configuration. */
function changesOf(asked: ModelSettings, trained: ModelSettings): [string, string, string][] {
  const told = (value: unknown): string => (value === undefined ? 'none' : stableJson(value));
  const now: Readonly<Record<string, unknown>> = { ...asked };
  const then: Readonly<Record<string, unknown>> = { ...trained };
  return Object.keys({ ...now, ...then })
    .map((key): [string, string, string] => [key, told(now[key]), told(then[key])])
    .filter(([, a, b]) => a !== b);
}
