import { loadRuntime } from './runtime.ts';

/**
 * The execution providers that the installed onnxruntime-node was built with.
 * @throws VamoError ENGINE_UNAVAILABLE when it does not load
 */
export async function runtimeProviders(): Promise<readonly string[]> {
  const { listSupportedBackends } = await loadRuntime();
  return listSupportedBackends().map(({ name, bundled }) =>
    bundled ? name : `${name} (files not bundled)`,
  );
}
