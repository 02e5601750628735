import { stableJson, VamoError } from '../core/index.ts';
import {
  compileMapping,
  createJsonDecoder,
  type DecoderOptions,
  loadMapping,
  type RecordDecoder,
} from '../ingest/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { Context } from './context.ts';

const KEPT = 'mapping.json';

/** What decoders are told by the configuration. */
export function decoderOptions({ config }: Pick<Context, 'config'>): DecoderOptions {
  return {
    tasks: new Set(config.tasks.map((task) => task.id)),
    utcOffsetMinutes: config.days.utcOffsetMinutes,
  };
}

/**
 * The decoder of the configured source.
 * @throws VamoError MAPPING_INVALID, ENGINE_UNAVAILABLE
 */
export async function openDecoder(context: Context): Promise<RecordDecoder> {
  const { mapping } = context.config.source;
  const options = decoderOptions(context);
  if (mapping === null) return createJsonDecoder(options);
  return compileMapping(await loadMapping(mapping), options);
}

/**
 * What was ingested with one mapping is not gone on with by another: the mapping stays with the data.
 * @throws VamoError DATA_RULES
 */
export async function keepMapping({ store, config }: Context): Promise<void> {
  const { mapping } = config.source;
  if (mapping === null) return;
  const spec = await loadMapping(mapping);
  if (await differsFromKept(store, spec))
    throw new VamoError(
      'DATA_RULES',
      `source.mapping: ${mapping}; it differs from the one this data directory was filled with`,
      { mend: `Give the mapping that is kept in it (${KEPT}), or use another directory.` },
    );
  await store.putIfAbsent(KEPT, Buffer.from(`${JSON.stringify(spec, null, 2)}\n`));
}

async function differsFromKept(store: ObjectStore, spec: unknown): Promise<boolean> {
  if (!(await store.has(KEPT))) return false;
  const kept: unknown = JSON.parse(Buffer.from(await store.get(KEPT)).toString());
  return stableJson(kept) !== stableJson(spec);
}
