import type { BackfillPlan } from '../../contracts/index.ts';
import { VamoError } from '../../core/index.ts';
import type { BackfillState } from './records.ts';

type Letters = Extract<BackfillPlan['source'], { readonly kind: 'dead-letters' }>['files'];

/** Days, and the files of dead letters that are read for them. */
interface Replay extends Pick<BackfillPlan, 'from' | 'to'> {
  readonly files: Letters;
}

interface Earlier extends Replay {
  readonly id: string;
}

/** The replays that count: those that were not undone. */
function replaysAmong(backfills: readonly BackfillState[]): Earlier[] {
  return backfills.flatMap(({ plan: { id, from, to, source }, isUndone }) =>
    source.kind === 'dead-letters' && !isUndone ? [{ id, from, to, files: source.files }] : [],
  );
}

const keysOf = ({ files }: Replay): string => files.map(({ key }) => key).join('\n');

/**
 * The files that a replay has to read: without those that another has read for all of its days. The
 * same replay once more is the same replay.
 * @param wanted with every file that holds letters of its days
 * @throws VamoError BACKFILL_INVALID when nothing is left, or a part of it was replayed
 */
export function lettersToReplay(wanted: Replay, backfills: readonly BackfillState[]): Letters {
  const { from, to, files } = wanted;
  const earlier = replaysAmong(backfills);
  const isSame = (one: Replay): boolean =>
    one.from === from && one.to === to && keysOf(one) === keysOf(wanted);
  if (earlier.some(isSame)) return files;
  const covering = earlier.filter((one) => one.from <= from && one.to >= to);
  const isRead = (key: string): boolean =>
    covering.some((one) => one.files.some((file) => file.key === key));
  const left = files.filter(({ key }) => !isRead(key));
  requireNoOverlap({ from, to, files: left.length > 0 ? left : files }, earlier);
  return left;
}

/**
 * Of a dead letter that two replays read for its day nobody could say how often it counts.
 * @throws VamoError BACKFILL_INVALID naming the other replay
 */
function requireNoOverlap(replay: Replay, earlier: readonly Earlier[]): void {
  for (const other of earlier) {
    const isShared = (day: string): boolean =>
      [replay, other].every(({ from, to }) => day >= from && day <= to);
    const shared = replay.files.find(
      (file) =>
        other.files.some(({ key }) => key === file.key) && Object.keys(file.byDay).some(isShared),
    );
    if (shared === undefined) continue;
    const days = Object.keys(shared.byDay).filter(isShared).join(', ');
    throw new VamoError(
      'BACKFILL_INVALID',
      `dead letters of ${days} in ${shared.key} were replayed by backfill ${other.id} already`,
      {
        details: { id: other.id, key: shared.key },
        mend: `Name other days, or run \`vamo backfill --undo ${other.id}\` first.`,
      },
    );
  }
}

/**
 * Two replays may have been planned at once: of those that overlap the first to publish counts.
 * @throws VamoError BACKFILL_INVALID naming the one that has published
 */
export function requireOwnLetters(
  { id, from, to, source }: BackfillPlan,
  backfills: readonly BackfillState[],
): void {
  if (source.kind !== 'dead-letters') return;
  const published = backfills.filter(({ plan, days }) => plan.id !== id && days.length > 0);
  requireNoOverlap({ from, to, files: source.files }, replaysAmong(published));
}
