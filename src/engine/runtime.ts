import type { InferenceSession } from 'onnxruntime-node';
import { VamoError } from '../core/index.ts';
import type { CompileOptions } from './types.ts';

/** @throws VamoError ENGINE_UNAVAILABLE when the native package is not installed or does not fit */
export async function loadRuntime() {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new VamoError('ENGINE_UNAVAILABLE', 'package onnxruntime-node did not load', { cause });
  }
}

/** The runtime's settings for a graph on a provider. */
export function sessionOptions({
  threads = 0,
  provider = 'cpu',
  resident = [],
}: CompileOptions): InferenceSession.SessionOptions {
  // The runtime's buffers that outlive a run are WebGPU's; the cpu's outputs are never copied, and
  // the binding has none for CUDA.
  const stays = provider === 'webgpu' && resident.length > 0;
  return {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // A pattern is one more block of the peak's size, beside those that the first run left: a third
    // more memory in training, and no time gained.
    enableMemPattern: false,
    // Errors only: they reach the caller as exceptions anyway.
    logSeverityLevel: 3,
    ...(stays && {
      preferredOutputLocation: Object.fromEntries(
        resident.map((name) => [name, 'gpu-buffer'] as const),
      ),
    }),
    // Denormals cost a hundred times a normal number and mean nothing in training. Each session has
    // threads of its own; idle ones that go on spinning take the cores from the next graph of a step.
    extra: { session: { set_denormal_as_zero: '1', force_spinning_stop: '1' } },
  };
}

/** @throws VamoError ENGINE_GRAPH with the runtime's message when `call` rejects */
export async function guarded<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new VamoError(
      'ENGINE_GRAPH',
      `onnxruntime could not ${what} the graph: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

export const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);
