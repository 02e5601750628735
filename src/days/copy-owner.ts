import {
  claimDatabase,
  createTables,
  type Engine,
  HAS_OWNER,
  type Owner,
  READ_OWNER,
} from '../clickhouse/index.ts';
import { VamoError } from '../core/index.ts';

/** Who loads into the queryable copy. */
export interface Loader {
  /** The data directory whose copy it is. */
  readonly owner: Owner;
  /** Names this loader's stages, apart from those of loaders on other hosts: digits and letters. */
  readonly stage: string;
}

/**
 * Makes the tables, and the data directory their owner where they have none: only its days may stand
 * there, since those that it has not sealed are taken out.
 * @throws VamoError SQL_OWNED when they are another's; SQL_FAILED, SQL_UNREACHABLE
 */
export async function claimCopy(engine: Engine, { owner }: Loader): Promise<void> {
  await engine.command(claimDatabase(owner));
  await requireOwner(engine, owner);
  for (const sql of createTables()) await engine.command(sql);
}

/**
 * Refuses a copy that belongs to another data directory; one that nobody has loaded into belongs to none.
 * @throws VamoError SQL_OWNED
 */
export async function requireOwner(engine: Engine, asked: Owner | undefined): Promise<void> {
  const [has] = await engine.query<{ result: number }>(HAS_OWNER);
  if (has?.result !== 1) return;
  const [owner] = await engine.query<Owner>(READ_OWNER);
  if (owner === undefined || owner.id === asked?.id) return;
  const named = asked === undefined ? 'one that never loaded' : `${asked.place} (${asked.id})`;
  throw new VamoError(
    'SQL_OWNED',
    `the copy in ClickHouse is that of data directory ${owner.place} (${owner.id}), not of ${named}`,
    { details: { owner: { ...owner }, asked: asked ? { ...asked } : null } },
  );
}
