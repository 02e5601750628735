import { readBackfill, undoBackfill } from '../../days/index.ts';
import { asSealer } from '../commands/seal.ts';
import type { Context } from '../context.ts';
import { sayStale, staleVersions } from '../stale-versions.ts';

/** Takes a backfill back and says what became of its days. */
export async function undo(context: Context, id: string) {
  await readBackfill(context.store, id);
  const undone = await asSealer(context, () =>
    undoBackfill(context.store, id, context.progress.stage('undo')),
  );
  for (const { day, generation, restored } of undone)
    context.say(
      restored === null
        ? `${day} is withdrawn: it was not there before`
        : `${day}: generation ${String(generation)} has the files of generation ${String(restored)}`,
    );
  if (undone.length === 0) context.say(`no day of backfill ${id} is left to put back`);
  const stale = await staleVersions(context);
  sayStale(context, stale);
  return { id, undone, stale };
}
