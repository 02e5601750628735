import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unmarkLoaded } from '../../clickhouse/index.ts';
import { type DayKey, dayKey, systemCode, VamoError } from '../../core/index.ts';
import {
  checkCopy,
  claimCopy,
  dropCopy,
  heldInCopy,
  loadEach,
  type Loader,
  loadIntoClickHouse,
  requireSealed,
} from '../../days/index.ts';
import { listSealedDays, openDataDirectory, readManifest, storeError } from '../../store/index.ts';
import { asLoader, clickHouseFolder, clickHousePlace, openClickHouse } from '../clickhouse.ts';
import type { Context } from '../context.ts';
import type { CommandSpec } from '../run-command.ts';

/** Puts the engine's directory aside, unread: it may be torn. Who has it open keeps what it opened. */
async function putAside({ root }: Context): Promise<() => Promise<void>> {
  const aside = join(root, `clickhouse-lost-${String(process.pid)}`);
  try {
    await rename(clickHouseFolder(root), aside);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw storeError(error, 'cannot put the copy aside');
  }
  return () => rm(aside, { recursive: true, force: true });
}

/** Takes the whole copy away, wherever it is; the answer forgets it for good. */
async function takeAway(context: Context, loader: Loader): Promise<() => Promise<void>> {
  const place = await clickHousePlace(context);
  if (place.isEmbedded) return putAside(context);
  const engine = await place.open();
  try {
    await dropCopy(engine, loader);
  } finally {
    await engine.close();
  }
  return () => Promise.resolve();
}

async function loadDays(context: Context, loader: Loader, days: readonly DayKey[]) {
  const { store, signal } = context;
  const engine = await openClickHouse(context);
  try {
    const progress = context.progress.stage('rebuild');
    const rebuilt: { day: DayKey; generation: number; rows: number }[] = [];
    await claimCopy(engine, loader);
    const rebuild = async ({ day }: { readonly day: DayKey }, i: number): Promise<void> => {
      const manifest = await readManifest(store, day);
      await engine.command(unmarkLoaded(day));
      await loadIntoClickHouse({ engine, loader, store, manifest });
      const [difference] = await checkCopy(store, manifest, await heldInCopy(engine, day));
      if (difference !== undefined)
        throw new VamoError('SQL_FAILED', `${difference.what} differs after loading`, {
          details: { ...difference },
          mend: 'Run `vamo rebuild --all`.',
        });
      rebuilt.push({ day, generation: manifest.generation, rows: manifest.counts.accepted });
      progress(i + 1, days.length, day);
    };
    const named = days.map((day) => ({ day }));
    await loadEach(named, rebuild, signal);
    return rebuilt;
  } finally {
    await engine.close();
  }
}

/** Makes the queryable copy anew from the sealed files. */
export const rebuildCommand: CommandSpec<{ readonly day?: string; readonly all?: boolean }> = {
  name: 'rebuild',
  needs: () => 'events',
  summary: 'make the copy in ClickHouse anew from the sealed files, to an equal checksum',
  examples: ['vamo rebuild --day 2026-01-05', 'vamo rebuild --all'],
  options: (command) =>
    command
      .option('--day <day>', 'this day only; the rest of the copy must be sound')
      .option('--all', 'every day, from nothing: also when the copy is torn or lost'),
  check({ day, all = false }) {
    if ((day === undefined) !== all) throw new VamoError('USAGE', 'name either --day DAY or --all');
    if (day !== undefined) dayKey(day);
  },
  async run(context, { day, all = false }) {
    const { store, root, now } = context;
    if (day !== undefined) await requireSealed(store, dayKey(day));
    const role = await openDataDirectory(root, {
      role: 'sealer',
      nowMs: now(),
      settings: context.config.store,
    });
    try {
      const days =
        day === undefined ? (await listSealedDays(store)).map((one) => one.day) : [dayKey(day)];
      const rebuilt = await asLoader(context, async (loader) => {
        const forget = all ? await takeAway(context, loader) : () => Promise.resolve();
        const loaded = await loadDays(context, loader, days);
        await forget();
        return loaded;
      });
      for (const one of rebuilt)
        context.say(`${one.day} g${String(one.generation)}: ${String(one.rows)} rows, equal`);
      if (rebuilt.length === 0) context.say('no day is sealed yet');
      return { rebuilt };
    } finally {
      context.progress.clear();
      await role.release();
    }
  },
};
