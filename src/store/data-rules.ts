import { dataRules, type DataRules } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { readIfThere } from './read-if-there.ts';
import { recordedSource } from './recorded-source.ts';

const RULES_KEY = 'rules.json';
/** The tasks that came later, an object each: of several writers at once none loses another's. */
const ADDED = 'rules/tasks/';

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

/** Those that the first events came under, and every task that was added. */
async function recordedRules(store: ObjectStore): Promise<DataRules | undefined> {
  const first = await readIfThere(store, RULES_KEY, (json) => dataRules.parse(json));
  if (first === undefined) return undefined;
  const tasks = { ...first.tasks };
  for (const key of await store.list(ADDED))
    Object.assign(
      tasks,
      await readIfThere(store, key, (json) => dataRules.shape.tasks.parse(json)),
    );
  return { ...first, tasks };
}

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
  const bytesOf = (json: object): Buffer => Buffer.from(`${JSON.stringify(json)}\n`);
  if (await store.putIfAbsent(RULES_KEY, bytesOf(rules))) return;
  const known = (await recordedRules(store)) ?? rules;
  refuseOthers(known, rules);
  const added = Object.entries(rules.tasks).filter(([id]) => !(id in known.tasks));
  for (const [id, reward] of added)
    await store.putIfAbsent(`${ADDED}${id}.json`, bytesOf({ [id]: reward }));
  // Another may have added one meanwhile, with another reward.
  if (added.length > 0) refuseOthers((await recordedRules(store)) ?? rules, rules);
}
