import type { TensorFunction, TensorProgram, TensorSpec } from './types.ts';

/**
 * A computation for an engine to prepare: `fn` on inputs of the given shapes and types.
 * @param resident outputs that stay with the engine, to be fed to later graphs
 */
export function program(
  inputs: Readonly<Record<string, TensorSpec>>,
  fn: TensorFunction,
  resident: readonly string[] = [],
): TensorProgram {
  return { inputs, fn, resident };
}
