import { type BackfillState, listBackfills, rowsOf } from '../../days/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { Context } from '../context.ts';
import { formatTable } from '../table.ts';
import { describeSource } from './plan.ts';

async function describe(store: ObjectStore, state: BackfillState) {
  const { plan, plannedAtMs, isDone, isUndone } = state;
  const days = [];
  for (const made of state.days) days.push({ ...made, rows: await rowsOf(store, made) });
  return {
    id: plan.id,
    plannedAt: new Date(plannedAtMs).toISOString(),
    state: isUndone ? 'undone' : isDone ? 'done' : 'unfinished',
    plan,
    days,
  };
}

/** Says every backfill, the one planned first at first, and what it made of its days. */
export async function listAll({ store, say }: Context) {
  const backfills = [];
  for (const state of await listBackfills(store)) backfills.push(await describe(store, state));
  say(
    formatTable(
      ['planned at', 'id', 'state', 'mode', 'source', 'days', 'rows'],
      backfills.map(({ id, plannedAt, state, plan, days }) => [
        plannedAt.slice(0, 19),
        id,
        state,
        plan.mode,
        describeSource(plan).what,
        `${plan.from}..${plan.to}`,
        days
          .map(({ day, generation, rows }) => `${day} g${generation} ${rows.before}->${rows.after}`)
          .join(', '),
      ]),
    ),
  );
  return { backfills };
}
