import type { TensorFunction, TensorProgram, TensorSpec } from './types.ts';

/** A computation for an engine to prepare: `fn` on inputs of the given shapes and types. */
export function program(
  inputs: Readonly<Record<string, TensorSpec>>,
  fn: TensorFunction,
): TensorProgram {
  return { inputs, fn };
}
