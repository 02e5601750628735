/**
 * What can compute a training step. `cpu`, `webgpu` and `cuda` are execution providers of ONNX
 * Runtime; `tensorflow` runs the same functions eagerly. Results agree to rounding, not bit for bit:
 * the kind is part of what a checkpoint came from.
 */
export const ENGINE_KINDS = ['cpu', 'webgpu', 'cuda', 'tensorflow'] as const;
export type EngineKind = (typeof ENGINE_KINDS)[number];
