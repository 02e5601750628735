import { Argument } from 'commander';
import type { PartitionManifest } from '../../contracts/index.ts';
import { dayKey, isVamoError, throwIfAborted } from '../../core/index.ts';
import { checkCopy, checkFiles, type Difference } from '../../days/index.ts';
import { listGenerations, listSealedDays, readManifest } from '../../store/index.ts';
import { openClickHouse } from '../clickhouse.ts';
import type { Context } from '../context.ts';
import type { CommandSpec } from '../run-command.ts';

interface DayCheck {
  readonly day: string;
  readonly generation: number;
  readonly rows: number;
  readonly differences: readonly Difference[];
}

/** Files of every generation: an older one may be pinned, or what an undo points at. */
async function checkDayFiles(
  { store, signal }: Context,
  newest: PartitionManifest,
): Promise<Difference[]> {
  const day = dayKey(newest.day);
  const differences: Difference[] = [];
  for (const generation of await listGenerations(store, day)) {
    throwIfAborted(signal);
    differences.push(...(await checkFiles(store, await readManifest(store, day, generation))));
  }
  return differences;
}

/** The queryable copy; one that cannot be read differs. */
async function checkCopies(
  context: Context,
  manifests: readonly PartitionManifest[],
): Promise<Difference[][]> {
  const unreadable = (error: unknown): Difference => {
    if (!isVamoError(error, 'SQL_FAILED') && !isVamoError(error, 'STORE_IO')) throw error;
    return { what: 'the copy in ClickHouse', found: error.message, recorded: 'a readable copy' };
  };
  let engine;
  try {
    engine = await openClickHouse(context);
  } catch (error) {
    return manifests.map(() => [unreadable(error)]);
  }
  try {
    const found: Difference[][] = [];
    for (const manifest of manifests) {
      throwIfAborted(context.signal);
      found.push(
        await checkCopy(engine, context.store, manifest).catch((error: unknown) => [
          unreadable(error),
        ]),
      );
    }
    return found;
  } finally {
    await engine.close();
  }
}

/** Holds sealed files against their manifests, and the queryable copy against the files. */
export const verifyCommand: CommandSpec<object> = {
  name: 'verify',
  readsOnly: true,
  summary: 'files against manifests against ClickHouse; exit 1 names what differs',
  examples: ['vamo verify', 'vamo verify 2026-01-05'],
  options: (command) => command.addArgument(new Argument('[day]', 'this day only')),
  succeeded: ({ differing }) => differing === 0,
  async run(context, _options, [name]) {
    const { store } = context;
    const days =
      name === undefined ? (await listSealedDays(store)).map(({ day }) => day) : [dayKey(name)];
    const manifests: PartitionManifest[] = [];
    for (const day of days) manifests.push(await readManifest(store, day));
    const copies = manifests.length === 0 ? [] : await checkCopies(context, manifests);
    const checks: DayCheck[] = [];
    for (const [i, manifest] of manifests.entries()) {
      const differences = [...(await checkDayFiles(context, manifest)), ...(copies[i] ?? [])];
      const { day, generation, counts } = manifest;
      checks.push({ day, generation, rows: counts.accepted, differences });
      context.say(
        `${day} g${String(generation)} ${differences.length === 0 ? 'ok' : 'DIFFERS'}: ${String(counts.accepted)} rows`,
      );
      for (const { what, found, recorded } of differences)
        context.say(`  ${what}: found ${String(found)}, recorded ${String(recorded)}`);
    }
    const differing = checks.filter(({ differences }) => differences.length > 0).length;
    if (differing > 0)
      context.say('The copy in ClickHouse is mended by `vamo rebuild`, sealed files by a copy.');
    return { days: checks, differing };
  },
};
