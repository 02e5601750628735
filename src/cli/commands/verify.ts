import { existsSync } from 'node:fs';
import { Argument } from 'commander';
import type { PartitionManifest } from '../../contracts/index.ts';
import { type DayKey, dayKey, isVamoError, throwIfAborted, VamoError } from '../../core/index.ts';
import {
  checkCopy,
  checkFiles,
  claimsOf,
  claimsOfFiles,
  daysInCopy,
  type Difference,
  listBackfills,
  missingGenerations,
} from '../../days/index.ts';
import { findNewest, generationFolders, listGenerations, readManifest } from '../../store/index.ts';
import { clickHouseFolder, clickHousePlace } from '../clickhouse.ts';
import type { Context } from '../context.ts';
import type { CommandSpec } from '../run-command.ts';
import { checkAgainstTruth, firstDifferences } from '../truth.ts';

interface DayCheck {
  readonly day: string;
  /** The newest; null = the day is not sealed, or withdrawn. */
  readonly generation: number | null;
  readonly rows: number;
  /** Sums that the simulator told too; null = it was not asked, or did not play the day. */
  readonly compared: number | null;
  readonly differences: readonly Difference[];
}

/** Files of every generation: an older one may be pinned, or what an undo points at. */
async function checkDayFiles({ store, signal }: Context, day: DayKey): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const generation of await listGenerations(store, day)) {
    throwIfAborted(signal);
    const found = readManifest(store, day, generation).then((sealed) => checkFiles(store, sealed));
    differences.push(...(await found.catch(corrupt)));
  }
  return differences;
}

/** The queryable copy as it is looked at; one that cannot be read differs. */
interface Copy {
  /** What it was loaded from, by day. */
  readonly days: ReadonlyMap<DayKey, number>;
  check(manifest: PartitionManifest): Promise<Difference[]>;
  close(): Promise<void>;
}

const broken = (found: string): Difference => ({
  what: 'the copy in ClickHouse',
  found,
  recorded: 'a readable copy',
});

function unreadable(error: unknown): Difference[] {
  if (!isVamoError(error, 'SQL_FAILED') && !isVamoError(error, 'STORE_IO')) throw error;
  return [broken(error.message)];
}

/** A manifest that cannot be believed differs; the other days are looked at all the same. */
function corrupt(error: unknown): Difference[] {
  if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
  return [{ what: 'a manifest', found: error.message, recorded: 'a whole one' }];
}

async function openCopy({ root, store }: Context): Promise<Copy> {
  const without = (differences: Difference[]): Copy => ({
    days: new Map(),
    check: () => Promise.resolve(differences),
    close: () => Promise.resolve(),
  });
  const place = await clickHousePlace({ root });
  if (place.isEmbedded && !existsSync(clickHouseFolder(root))) return without([broken('none')]);
  let engine: Awaited<ReturnType<typeof place.open>>;
  try {
    engine = await place.open();
  } catch (error) {
    return without(unreadable(error));
  }
  const close = () => engine.close();
  try {
    const days = await daysInCopy(engine);
    return { days, check: (sealed) => checkCopy(engine, store, sealed).catch(unreadable), close };
  } catch (error) {
    await close();
    return without(unreadable(error));
  }
}

/** A day that only the copy has. */
const surplus = (day: DayKey, generation: number): Difference => ({
  what: `${day} in ClickHouse`,
  found: generation === 0 ? 'rows of unknown origin' : `loaded from generation ${generation}`,
  recorded: 'no such day is sealed',
});

/** Of every day of which anything is there, or of one: all that is not as it was sealed. */
async function checkDays(
  context: Context,
  copy: Copy,
  { only, truth }: { readonly only: DayKey | undefined; readonly truth: string | undefined },
): Promise<DayCheck[]> {
  const { store, now } = context;
  const inCopy = [...copy.days].map(([day, generation]) => ({
    day,
    generation,
    by: 'loaded into ClickHouse',
  }));
  // Who claims is asked first: a generation made meanwhile is not missing.
  const claims = [...inCopy, ...claimsOf(await listBackfills(store))];
  const folders = await generationFolders(store, only);
  claims.push(...(await claimsOfFiles(store, folders, now())));
  const named = [...folders, ...claims].map(({ day }) => dayKey(day));
  const checks: DayCheck[] = [];
  for (const day of only === undefined ? [...new Set(named)].sort() : [only]) {
    throwIfAborted(context.signal);
    const differences = missingGenerations(day, folders, claims);
    differences.push(...(await checkDayFiles(context, day)));
    // One that cannot be read is told of with the files.
    const newest = await findNewest(store, day).catch((error: unknown) => {
      if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
      return null;
    });
    const loaded = copy.days.get(day);
    if (newest) differences.push(...(await copy.check(newest)));
    else if (newest === undefined && loaded !== undefined) differences.push(surplus(day, loaded));
    const told = newest && truth && (await checkAgainstTruth(store, newest, truth));
    if (told) differences.push(...firstDifferences(told));
    const compared = told ? told.compared : null;
    const rows = newest?.counts.accepted ?? 0;
    checks.push({ day, generation: newest?.generation ?? null, rows, compared, differences });
  }
  return checks;
}

/** Days that are not sealed are told of only when something is wrong with them. */
const isWorthTelling = ({ generation, differences }: DayCheck): boolean =>
  generation !== null || differences.length > 0;

/** Holds sealed files against their manifests, and the queryable copy against the files. */
export const verifyCommand: CommandSpec<{ readonly truth?: string }> = {
  name: 'verify',
  readsOnly: true,
  summary: 'files against manifests against ClickHouse; exit 1 names what differs',
  examples: ['vamo verify', 'vamo verify 2026-01-05', 'vamo verify --truth data/truth'],
  options: (command) =>
    command
      .addArgument(new Argument('[day]', 'this day only'))
      .option('--truth <dir>', 'also against what `vamo simulate` left in its DATA/truth'),
  succeeded: ({ differing }) => differing === 0,
  async run(context, { truth }, [name]) {
    const only = name === undefined ? undefined : dayKey(name);
    const copy = await openCopy(context);
    let checks: DayCheck[];
    try {
      checks = (await checkDays(context, copy, { only, truth })).filter(isWorthTelling);
    } finally {
      await copy.close();
    }
    // Nothing to look at is no good news: a wrong directory looks like this.
    if (checks.length === 0)
      throw new VamoError(
        'DAY_UNSEALED',
        only === undefined ? `no day is sealed in ${context.root}` : `day ${only} is not sealed`,
        { details: { day: only ?? null, data: context.root } },
      );
    if (truth !== undefined && checks.every(({ compared }) => compared === null))
      throw new VamoError('STORE_NOT_FOUND', `--truth: ${truth} has DAY.json of no sealed day`, {
        details: { truth },
        mend: 'Name the folder `truth` of the data directory that `vamo simulate` was given.',
      });
    for (const { day, generation, rows, compared, differences } of checks) {
      const state = generation === null ? '(not sealed)' : `g${generation}`;
      const sums = compared === null ? '' : `, ${String(compared)} sums against the truth`;
      context.say(
        `${day} ${state} ${differences.length === 0 ? 'ok' : 'DIFFERS'}: ${String(rows)} rows${sums}`,
      );
      for (const { what, found, recorded } of differences)
        context.say(`  ${what}: found ${String(found)}, recorded ${String(recorded)}`);
    }
    const differing = checks.filter(({ differences }) => differences.length > 0).length;
    if (differing > 0)
      context.say(
        'The copy in ClickHouse is mended by `vamo rebuild`, files and manifests by a copy of them. ' +
          'Files without a manifest may be of a build that was killed: run its command again.',
      );
    return { days: checks, differing };
  },
};
