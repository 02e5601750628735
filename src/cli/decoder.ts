import { stableJson, VamoError } from '../core/index.ts';
import {
  compileMapping,
  createJsonDecoder,
  createRegisteredDecoder,
  type DecoderOptions,
  loadMapping,
  openRegistry,
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

/** The account at the schema registry, if one is needed. */
function account() {
  const { VAMO_REGISTRY_USER: username, VAMO_REGISTRY_PASSWORD: password = '' } = process.env;
  return username === undefined ? undefined : { username, password };
}

/**
 * The decoder of the configured source.
 * @throws VamoError MAPPING_INVALID, PACKAGE_MISSING
 */
export async function openDecoder(context: Context): Promise<RecordDecoder> {
  const { mapping, format, registry } = context.config.source;
  const options = decoderOptions(context);
  if (mapping !== null) return compileMapping(await loadMapping(mapping), options);
  if (format === 'json' || registry === null) return createJsonDecoder(options);
  return createRegisteredDecoder(
    format,
    await openRegistry({ url: registry, auth: account() }),
    options,
  );
}

/**
 * What was ingested with one mapping is not gone on with by another: the mapping stays with the data.
 * @throws VamoError DATA_RULES
 */
export async function keepMapping({
  store,
  config,
}: Pick<Context, 'store' | 'config'>): Promise<void> {
  const { mapping } = config.source;
  if (mapping === null) {
    if (await store.has(KEPT)) throw withoutKept();
    return;
  }
  const spec = await loadMapping(mapping);
  if (await differsFromKept(store, spec))
    throw new VamoError(
      'DATA_RULES',
      `source.mapping: ${mapping}; it differs from the one this data directory was filled with`,
      { mend: `Give the mapping that is kept in it (${KEPT}), or use another directory.` },
    );
  await store.putIfAbsent(KEPT, Buffer.from(`${JSON.stringify(spec, null, 2)}\n`));
}

function withoutKept(): VamoError {
  return new VamoError(
    'DATA_RULES',
    'source.mapping: null; this data directory was filled through a mapping',
    {
      mend: `Set \`source.mapping\` to the one that is kept in it (${KEPT}), or use another directory.`,
    },
  );
}

async function differsFromKept(store: ObjectStore, spec: unknown): Promise<boolean> {
  if (!(await store.has(KEPT))) return false;
  const kept: unknown = JSON.parse(Buffer.from(await store.get(KEPT)).toString());
  return stableJson(kept) !== stableJson(spec);
}
