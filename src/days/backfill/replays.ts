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

/** The dead letters of a file that arrived on one day. */
interface DayLetters {
  readonly key: string;
  readonly day: string;
}

/** What a replay reads of the days that it is for. */
function lettersOf({ from, to, files }: Replay): DayLetters[] {
  return files.flatMap(({ key, byDay }) =>
    Object.keys(byDay)
      .filter((day) => day >= from && day <= to)
      .map((day) => ({ key, day })),
  );
}

const reads = ({ from, to, files }: Replay, { key, day }: DayLetters): boolean =>
  day >= from && day <= to && files.some((file) => file.key === key);

/** The finished replays that have together read all that is wanted; none when something is left. */
export function replayersOf(wanted: Replay, backfills: readonly BackfillState[]): string[] {
  const finished = replaysAmong(backfills.filter(({ isDone }) => isDone));
  const ids = new Set<string>();
  for (const letters of lettersOf(wanted)) {
    const reader = finished.find((one) => reads(one, letters));
    if (reader === undefined) return [];
    ids.add(reader.id);
  }
  return [...ids];
}

/**
 * The files that a replay has to read: without those that another has read for all of its days.
 * @param wanted with every file that holds letters of its days
 * @throws VamoError BACKFILL_INVALID when another replay reads a part of what is left: of two decodings
 *   of a letter nobody could say which counts
 */
export function lettersToReplay(wanted: Replay, backfills: readonly BackfillState[]): Letters {
  const { from, to, files } = wanted;
  const earlier = replaysAmong(backfills);
  const covering = earlier.filter((one) => one.from <= from && one.to >= to);
  const isRead = (key: string): boolean =>
    covering.some((one) => one.files.some((file) => file.key === key));
  const left = files.filter(({ key }) => !isRead(key));
  requireNoOverlap({ from, to, files: left.length > 0 ? left : files }, earlier);
  return left;
}

function requireNoOverlap(replay: Replay, earlier: readonly Earlier[]): void {
  for (const other of earlier) {
    const shared = lettersOf(replay).filter((letters) => reads(other, letters));
    const [first] = shared;
    if (first === undefined) continue;
    const days = [...new Set(shared.map(({ day }) => day))].sort().join(', ');
    throw new VamoError(
      'BACKFILL_INVALID',
      `dead letters of ${days} in ${first.key} were replayed by backfill ${other.id} already`,
      {
        details: { id: other.id, key: first.key },
        mend: `Name other days, or run \`vamo backfill --undo ${other.id}\` first.`,
      },
    );
  }
}
