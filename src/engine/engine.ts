import type { EngineKind } from '../core/index.ts';
import { compile } from './compile.ts';
import { trace } from './trace.ts';
import type { Engine } from './types.ts';

/**
 * The engine of a kind.
 * @param options.threads of the CPU; 0 = the runtime's choice
 * @throws VamoError ENGINE_UNAVAILABLE when its package is not installed or does not load
 */
export async function createEngine(
  kind: EngineKind,
  options: { readonly threads?: number } = {},
): Promise<Engine> {
  if (kind === 'tensorflow') {
    const { createTensorFlowEngine } = await import('./tensorflow.ts');
    return createTensorFlowEngine(options);
  }
  return {
    kind,
    prepare: ({ inputs, fn, resident = [] }) =>
      compile(trace(inputs, fn), { ...options, provider: kind, resident }),
  };
}
