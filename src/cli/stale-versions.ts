import type { Lineage, PinnedDay } from '../contracts/index.ts';
import { openRegistry } from '../publisher/index.ts';
import { listSealedDays } from '../store/index.ts';
import type { Context } from './context.ts';

/** A day of a version's lineage that has a newer generation than the version was trained on. */
interface StaleDay {
  readonly day: string;
  readonly trained: number;
  readonly newest: number;
}

/** A version of which some days have changed since. It keeps serving; nothing retrains unasked. */
export interface StaleVersion {
  readonly version: string;
  readonly days: readonly StaleDay[];
}

const SPLITS = ['history', 'train', 'validation', 'test'] as const;

/** The days of a lineage that are no longer the newest generation. */
function staleDays(lineage: Lineage, newest: ReadonlyMap<string, number>): StaleDay[] {
  const pinned: PinnedDay[] = SPLITS.flatMap((split) => lineage[split]);
  return pinned.flatMap(({ day, generation: trained }) => {
    const now = newest.get(day) ?? trained;
    return now > trained ? [{ day, trained, newest: now }] : [];
  });
}

/** The newest generation of every sealed day. */
async function newestGenerations({ store }: Context): Promise<Map<string, number>> {
  return new Map((await listSealedDays(store)).map(({ day, generation }) => [day, generation]));
}

/** Versions trained on generations that are no longer the newest. */
export async function staleVersions(context: Context): Promise<StaleVersion[]> {
  const registry = openRegistry(context.store);
  const newest = await newestGenerations(context);
  const stale: StaleVersion[] = [];
  for (const version of await registry.versions()) {
    const { manifest } = await registry.readManifest(version);
    const days = staleDays(manifest.lineage, newest);
    if (days.length > 0) stale.push({ version, days });
  }
  return stale;
}

/** Says which versions used older generations. */
export function sayStale({ say }: Context, stale: readonly StaleVersion[]): void {
  for (const { version, days } of stale)
    say(
      `${version}: ${days.map((d) => `${d.day} trained on g${d.trained}, now g${d.newest}`).join('; ')}`,
    );
}
