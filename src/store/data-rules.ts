import { dataRules, type DataRules } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { readIfThere } from './read-if-there.ts';
import { recordedSource } from './recorded-source.ts';

const RULES_KEY = 'rules.json';

type Source = Readonly<{ kind: string; topic: string; partitions: number }>;

function differs(key: string, asked: unknown, recorded: unknown, mend?: string): VamoError {
  return new VamoError(
    'DATA_RULES',
    `${key}: ${String(asked)}; this data directory was filled with ${String(recorded)}`,
    {
      details: { key, asked, recorded },
      ...(mend === undefined ? {} : { mend }),
    },
  );
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
    // Those of a topic and files at rest are counted when they are read, not configured.
    if (key === 'partitions' && source.kind !== 'file') continue;
    if (from && from[key] !== source[key])
      throw differs(
        `source.${key}`,
        source[key],
        from[key],
        // A default value stands in no file of the directory.
        `Set \`source.${key}\` to ${JSON.stringify(from[key])} again, or use another directory.`,
      );
  }
  const known = await recordedRules(store);
  if (known !== undefined) refuseOthers(known, rules);
}

const recordedRules = (store: ObjectStore): Promise<DataRules | undefined> =>
  readIfThere(store, RULES_KEY, (json) => dataRules.parse(json));

function refuseOthers(known: DataRules, rules: DataRules): void {
  for (const key of ['utcOffsetMinutes', 'latenessMs'] as const)
    if (known[key] !== rules[key]) throw differs(`days.${key}`, rules[key], known[key]);
  if (known.reserve !== rules.reserve)
    throw differs('market.reserve', rules.reserve, known.reserve);
  for (const [id, reward] of Object.entries(known.tasks))
    if (rules.tasks[id] !== reward)
      throw differs(`tasks: ${id}`, rules.tasks[id] ?? 'left out', reward);
}

/**
 * Records the rules that events are taken in under: of several at once the first ones stand. Tasks that
 * are new are added.
 * @throws VamoError DATA_RULES when others stand; STORE_CORRUPT
 */
export async function keepRules(store: ObjectStore, rules: DataRules): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(rules)}\n`);
  if (await store.putIfAbsent(RULES_KEY, bytes)) return;
  const known = (await recordedRules(store)) ?? rules;
  refuseOthers(known, rules);
  if (!Object.keys(rules.tasks).every((id) => id in known.tasks)) await store.put(RULES_KEY, bytes);
}
