import {
  dataRules,
  type DataRules,
  sourceIdentity,
  type SourceIdentity,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

const RULES_KEY = 'rules.json';
const SOURCE_KEY = 'source.json';

type Source = Readonly<{ kind: string; topic: string; partitions: number }>;

async function readIfThere<T>(
  store: ObjectStore,
  key: string,
  parse: (json: unknown) => T,
): Promise<T | undefined> {
  if (!(await store.has(key))) return undefined;
  try {
    return parse(JSON.parse(Buffer.from(await store.get(key)).toString()));
  } catch (cause) {
    throw new VamoError('STORE_CORRUPT', `${key} is not readable`, { details: { key }, cause });
  }
}

function differs(key: string, asked: unknown, recorded: unknown): VamoError {
  return new VamoError(
    'DATA_RULES',
    `${key}: ${String(asked)}; this data directory was filled with ${String(recorded)}`,
    { details: { key, asked, recorded } },
  );
}

/** The source a data directory is filled from; undefined before the first ingest. @throws VamoError STORE_CORRUPT */
export function recordedSource(store: ObjectStore): Promise<SourceIdentity | undefined> {
  return readIfThere(store, SOURCE_KEY, (json) => sourceIdentity.parse(json));
}

/**
 * Refuses a configuration under which the events of this data directory would make other days. A
 * task may be added, but not left out or given another reward. Fine where nothing was taken in yet.
 * @throws VamoError DATA_RULES naming the key, its value and the one recorded; STORE_CORRUPT
 */
export async function checkRules(
  store: ObjectStore,
  rules: DataRules,
  source: Source,
): Promise<void> {
  const from = await recordedSource(store);
  for (const key of ['kind', 'topic', 'partitions'] as const) {
    // Files at rest are counted, not configured.
    if (key === 'partitions' && source.kind === 'files') continue;
    if (from && from[key] !== source[key]) throw differs(`source.${key}`, source[key], from[key]);
  }
  const known = await readIfThere(store, RULES_KEY, (json) => dataRules.parse(json));
  if (known === undefined) return;
  for (const key of ['utcOffsetMinutes', 'latenessMs'] as const)
    if (known[key] !== rules[key]) throw differs(`days.${key}`, rules[key], known[key]);
  if (known.reserve !== rules.reserve)
    throw differs('market.reserve', rules.reserve, known.reserve);
  for (const [id, reward] of Object.entries(known.tasks))
    if (rules.tasks[id] !== reward)
      throw differs(`tasks: ${id}`, rules.tasks[id] ?? 'left out', reward);
}

/** Records the rules that events are taken in under; tasks that are new are added. */
export async function keepRules(store: ObjectStore, rules: DataRules): Promise<void> {
  const known = await readIfThere(store, RULES_KEY, (json) => dataRules.parse(json));
  const isKnown = Object.keys(rules.tasks).every((id) => known && id in known.tasks);
  if (!isKnown) await store.put(RULES_KEY, Buffer.from(`${JSON.stringify(rules)}\n`));
}
