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
 * @returns keeps it, before something is committed: of several at once the first one's stands
 * @throws VamoError DATA_RULES when another is kept, here and when it is to be kept
 */
export async function mappingKeeper({
  store,
  config,
}: Pick<Context, 'store' | 'config'>): Promise<() => Promise<void>> {
  const { mapping } = config.source;
  const spec = mapping === null ? null : await loadMapping(mapping);
  const refuseOthers = (kept: unknown): void => {
    if (kept !== undefined && stableJson(kept) !== stableJson(spec)) throw differs(mapping);
  };
  refuseOthers(await keptMapping(store));
  return async () => {
    // That there is none is kept as well, or one ingester could fill with and another without.
    await store.putIfAbsent(KEPT, Buffer.from(`${JSON.stringify(spec, null, 2)}\n`));
    refuseOthers(await keptMapping(store));
  };
}

function differs(mapping: string | null): VamoError {
  const [what, mend] =
    mapping === null
      ? ['this data directory was filled through a mapping', 'Set `source.mapping` to']
      : ['it differs from the one this data directory was filled with', 'Give'];
  return new VamoError('DATA_RULES', `source.mapping: ${String(mapping)}; ${what}`, {
    mend: `${mend} the one that is kept in it (${KEPT}), or use another directory.`,
  });
}

/** The mapping that the data was filled through; null: none; undefined: nothing is filled in yet. */
async function keptMapping(store: ObjectStore): Promise<unknown> {
  if (await store.has(KEPT)) return JSON.parse(Buffer.from(await store.get(KEPT)).toString());
  // Earlier versions kept nothing where there was none.
  return (await store.folders('ledger')).length > 0 ? null : undefined;
}
