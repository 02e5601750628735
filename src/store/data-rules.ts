import { dataRules, type DataRules } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { readIfThere } from './read-if-there.ts';
import { recordedSource } from './recorded-source.ts';

const RULES_KEY = 'rules.json';
/** Those with tasks that came later, numbered: of several writers at once one adds all of its own. */
const ADDED = 'rules/';
const addedKey = (number: number): string => `${ADDED}${String(number).padStart(6, '0')}.json`;

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

/** The newest rules, and how often tasks were added; undefined before the first events. */
async function newestRules(store: ObjectStore): Promise<[DataRules, number] | undefined> {
  const added = await store.list(ADDED);
  const key = added.at(-1) ?? RULES_KEY;
  const rules = await readIfThere(store, key, (json) => dataRules.parse(json));
  return rules && [rules, added.length];
}

/** The rules that hold for what was taken in; undefined before the first events. @throws VamoError STORE_CORRUPT */
export const recordedRules = async (store: ObjectStore): Promise<DataRules | undefined> =>
  (await newestRules(store))?.[0];

function refuseOthers(known: DataRules, rules: DataRules): void {
  for (const key of ['utcOffsetMinutes', 'latenessMs'] as const)
    if (known[key] !== rules[key]) throw differs(`days.${key}`, rules[key], known[key]);
  if (known.reserve !== rules.reserve)
    throw differs('market.reserve', rules.reserve, known.reserve);
  for (const [id, reward] of Object.entries(known.tasks)) {
    const asked = Object.hasOwn(rules.tasks, id) ? rules.tasks[id] : undefined;
    if (asked === undefined) throw differs(`tasks: ${id}`, 'left out', reward, addMend(id, reward));
    if (asked !== reward) throw differs(`tasks: ${id}`, asked, reward);
  }
}

/** A task may have been added since the configuration in the directory was kept, on another host too. */
const addMend = (id: string, reward: string): string =>
  `Add "${id}" with reward "${reward}" to \`tasks\` in the file given with --config, or in \`config.json\` of the data directory where none is given; or use another directory.`;

/**
 * Records the rules that events are taken in under: of several at once the first ones stand, and who is
 * refused leaves nothing behind. Tasks that are new are added.
 * @throws VamoError DATA_RULES when others stand; STORE_CORRUPT
 */
export async function keepRules(store: ObjectStore, rules: DataRules): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(rules)}\n`);
  for (;;) {
    const newest = await newestRules(store);
    if (newest === undefined) {
      if (await store.putIfAbsent(RULES_KEY, bytes)) return;
      continue;
    }
    const [known, additions] = newest;
    refuseOthers(known, rules);
    if (Object.keys(rules.tasks).every((id) => Object.hasOwn(known.tasks, id))) return;
    // Lost to another writer, his are looked at next.
    if (await store.putIfAbsent(addedKey(additions + 1), bytes)) return;
  }
}
