import { stableJson, VamoError } from '../../core/index.ts';
import {
  type ModelSettings,
  namedParameters,
  type ParameterPlan,
  type ParameterVectors,
} from '../../model/index.ts';
import { decodeTensors, encodeTensors, type StoredTensor } from '../safetensors.ts';

/** Single-task models are told apart by a prefix; a joint model's tensors carry their plain names. */
function prefix(index: number, models: number): string {
  return models === 1 ? '' : `models.${index}.`;
}

/** Parameters by name and shape, and the settings of their model, for fine-tuning and other tools. */
export function encodeWeights(
  plan: ParameterPlan,
  models: readonly ParameterVectors[],
  settings: ModelSettings,
): Uint8Array {
  const tensors = new Map<string, StoredTensor>();
  models.forEach((vectors, i) => {
    for (const { parameter, data } of namedParameters(plan, vectors))
      tensors.set(prefix(i, models.length) + parameter.name, { shape: parameter.shape, data });
  });
  return encodeTensors(tensors, {
    format: 'vamo-parameters/v1',
    models: String(models.length),
    model: stableJson(settings),
  });
}

/**
 * The settings of the model that the weights are of; null in files of an older program.
 * @throws VamoError CHECKPOINT_INVALID when the bytes are no tensor file
 */
export function trainedModel(bytes: Uint8Array): ModelSettings | null {
  const { model } = decodeTensors(bytes).metadata;
  return model === undefined ? null : (JSON.parse(model) as ModelSettings);
}

/**
 * The inverse of `encodeWeights`.
 * @throws VamoError CHECKPOINT_INVALID naming a tensor that only the plan or only the file has, or that differs
 */
export function decodeWeights(plan: ParameterPlan, bytes: Uint8Array): ParameterVectors[] {
  const { tensors, metadata } = decodeTensors(bytes);
  const models = Number(metadata['models'] ?? 1);
  const unknown = new Set(tensors.keys());
  const decoded = Array.from({ length: models }, (_, i) => {
    const vectors = {
      generator: new Float32Array(plan.generatorSize),
      inverse: new Float32Array(plan.inverseSize),
    };
    for (const { parameter, data } of namedParameters(plan, vectors)) {
      const name = prefix(i, models) + parameter.name;
      const found = tensors.get(name);
      if (!(found?.data instanceof Float32Array) || found.data.length !== data.length)
        throw new VamoError(
          'CHECKPOINT_INVALID',
          `weights: tensor "${name}" is not [${parameter.shape.join(', ')}] of float32`,
        );
      data.set(found.data);
      unknown.delete(name);
    }
    return vectors;
  });
  const [extra] = unknown;
  if (extra !== undefined)
    throw new VamoError('CHECKPOINT_INVALID', `weights: tensor "${extra}" is none of the model's`);
  return decoded;
}
