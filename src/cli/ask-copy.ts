import { existsSync } from 'node:fs';
import { type Answer, askReadOnly, COUNT_OPEN_ROWS, type Engine } from '../clickhouse/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import { dayReports } from '../days/index.ts';
import { clickHouseFolder, clickHousePlace } from './clickhouse.ts';
import type { Context } from './context.ts';

const LOAD = 'fills `events_now` with the open days; `vamo clickhouse serve` keeps it up.';

/** The table that was asked for may not have been made yet. */
function unknownTable(error: unknown): never {
  if (!isVamoError(error, 'SQL_FAILED') || !/unknown[ _]table/i.test(error.message)) throw error;
  throw new VamoError('SQL_FAILED', error.message, {
    details: error.details,
    mend: `Name a table of docs/clickhouse.md. \`vamo clickhouse load\` makes them and ${LOAD}`,
    cause: error,
  });
}

/** Rows of open days that are committed, and not in the copy. */
async function missingRows({ store }: Pick<Context, 'store'>, engine: Engine): Promise<number> {
  const open = (await dayReports(store)).filter(({ sealed }) => !sealed);
  const committed = open.reduce((sum, day) => sum + day.records - day.dead_lettered, 0);
  const [found] = await engine.query<{ rows: number }>(COUNT_OPEN_ROWS);
  return committed - (found?.rows ?? 0);
}

/**
 * Asks the queryable copy. Who asks for open days is told on stderr when some of their rows are not there:
 * only `vamo clickhouse` brings them in.
 * @throws VamoError DAY_UNSEALED when there is no copy; SQL_FAILED, SQL_UNREACHABLE, DATA_LOCKED
 */
export async function askCopy(context: Context, sql: string): Promise<Answer> {
  const place = await clickHousePlace(context);
  if (place.isEmbedded && !existsSync(clickHouseFolder(context.root)))
    throw new VamoError('DAY_UNSEALED', 'no day has been sealed yet: there is nothing to ask', {
      mend: `Run \`vamo seal\` once a day is whole. \`vamo clickhouse load\` ${LOAD}`,
    });
  const engine = await place.open();
  context.releasers.push(() => engine.close());
  const rows = await askReadOnly(engine, sql).catch(unknownTable);
  if (!/\bevents_(now|live)\b/.test(sql)) return rows;
  const missing = await missingRows(context, engine);
  if (missing > 0)
    process.stderr.write(
      `${String(missing)} rows of open days are ingested but not loaded: \`vamo clickhouse load\` ${LOAD}\n`,
    );
  return rows;
}
