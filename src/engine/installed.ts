import { VamoError } from '../core/index.ts';

/**
 * The execution providers that the installed onnxruntime-node was built with.
 * @throws VamoError ENGINE_UNAVAILABLE when it does not load
 */
export async function runtimeProviders(): Promise<readonly string[]> {
  try {
    const { listSupportedBackends } = await import('onnxruntime-node');
    return listSupportedBackends().map(({ name, bundled }) =>
      bundled ? name : `${name} (files not bundled)`,
    );
  } catch (cause) {
    throw new VamoError('ENGINE_UNAVAILABLE', 'package onnxruntime-node did not load', { cause });
  }
}
