import { dirname } from 'node:path';
import { sha256, VamoError, type Logger } from '../../core/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { LossRecord, StepRecord } from '../run-record.ts';
import { decodeTensors, encodeTensors, type StoredTensor } from '../safetensors.ts';
import type { LearnerState } from '../step/session.ts';
import type { WeightingState } from '../weighting/index.ts';
import type { SamplerState } from './sampler.ts';

/** Everything a run needs to go on as if it had never stopped. */
export interface TrainingState {
  /** Names dataset, configuration, seed and parent: only the same run may resume. */
  readonly runKey: string;
  /** Updates made. */
  readonly step: number;
  readonly models: readonly LearnerState[];
  readonly weighting: readonly WeightingState[];
  /** Generator of weighting methods that draw. */
  readonly random: readonly number[];
  readonly samplers: { readonly train: SamplerState; readonly validation: SamplerState };
  readonly history: readonly StepRecord[];
  readonly evaluations: readonly LossRecord[];
}

const FOLDER = 'checkpoints';
const KEPT = 2;
const NAME = /^checkpoints\/step-(\d{8})-([0-9a-f]{64})\.safetensors$/;

function encode(state: TrainingState): Uint8Array {
  const { models, ...rest } = state;
  const tensors = new Map<string, StoredTensor>();
  models.forEach(({ vectors }, i) => {
    for (const [name, data] of Object.entries(vectors))
      tensors.set(`${i}.${name}`, { shape: [data.length], data });
  });
  const json = new TextEncoder().encode(
    JSON.stringify({ ...rest, models: models.map(({ vectors: _, ...own }) => own) }),
  );
  tensors.set('state', { shape: [json.length], data: json });
  return encodeTensors(tensors, { format: 'vamo-training-state/v1' });
}

/** The inverse of `encode`; the bytes were verified by their digest. */
function decode(bytes: Uint8Array): TrainingState {
  const { tensors } = decodeTensors(bytes);
  const json = tensors.get('state')?.data;
  if (!(json instanceof Uint8Array))
    throw new VamoError('CHECKPOINT_INVALID', 'training state: the file holds no state');
  const rest = JSON.parse(new TextDecoder().decode(json)) as Omit<TrainingState, 'models'> & {
    models: Omit<LearnerState, 'vectors'>[];
  };
  const models = rest.models.map((scalars, i) => {
    const own = [...tensors].flatMap(([name, { data }]) =>
      name.startsWith(`${i}.`) && data instanceof Float32Array
        ? [[name.slice(`${i}.`.length), data] as const]
        : [],
    );
    return { ...scalars, vectors: Object.fromEntries(own) };
  });
  return { ...rest, models };
}

/**
 * Writes a training state as one file named by its step and its SHA-256, then drops all but the two
 * newest. A kill at any moment leaves the earlier ones.
 * @throws VamoError TRAIN_NOT_FINITE when a parameter is not finite; STORE_FULL
 */
export async function saveCheckpoint(store: ObjectStore, state: TrainingState): Promise<void> {
  for (const { vectors } of state.models)
    for (const [name, data] of Object.entries(vectors))
      if (data.some((x) => !Number.isFinite(x)))
        throw new VamoError('TRAIN_NOT_FINITE', `step ${state.step}: "${name}" is not finite`, {
          details: { step: state.step, vector: name },
        });
  const bytes = encode(state);
  const step = String(state.step).padStart(8, '0');
  const key = `${FOLDER}/step-${step}-${sha256(bytes)}.safetensors`;
  await store.put(key, bytes);
  const others = (await store.list(FOLDER)).filter((k) => NAME.test(k) && k !== key);
  for (const old of others.slice(0, Math.max(0, others.length - (KEPT - 1))))
    await store.remove(old);
}

/**
 * The newest training state whose bytes are what its name says; a damaged one is skipped with a
 * warning. Null when there is none yet.
 * @throws VamoError CHECKPOINT_INVALID when there are some and all are damaged
 * @throws VamoError TRAIN_RESUME_MISMATCH when the state belongs to another run
 */
export async function loadCheckpoint(
  store: ObjectStore,
  runKey: string,
  log: Logger,
): Promise<TrainingState | null> {
  const keys = (await store.list(FOLDER)).filter((key) => NAME.test(key)).reverse();
  for (const key of keys) {
    const bytes = await store.get(key);
    if (sha256(bytes) !== NAME.exec(key)?.[2]) {
      log.warn('checkpoint-damaged', { key });
      continue;
    }
    const state = decode(bytes);
    if (state.runKey === runKey) return state;
    throw new VamoError(
      'TRAIN_RESUME_MISMATCH',
      `${await store.localFile(key)} is of another run: data, configuration, seed or parent differ`,
      { details: { found: state.runKey, expected: runKey } },
    );
  }
  const [newest] = keys;
  if (newest === undefined) return null;
  const folder = dirname(await store.localFile(newest));
  throw new VamoError('CHECKPOINT_INVALID', `${folder}: no training state is intact`, {
    details: { keys },
  });
}
