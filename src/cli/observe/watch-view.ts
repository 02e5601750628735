import { formatTable } from '../table.ts';
import { lagOf, type Observation } from './observation.ts';

/** What the live view shows of one look at an ingester; also one line of `--json`. */
export interface Frame {
  /** ISO time. */
  readonly at: string;
  readonly rowsPerSecond: number;
  readonly lag: number | null;
  readonly rows: number;
  readonly deadLetters: number;
  readonly commits: number;
  readonly lost: number;
  readonly rssMiB: number;
  readonly partitions: readonly PartitionFrame[];
}

interface PartitionFrame {
  readonly partition: number;
  readonly next: number;
  readonly lag: number | null;
  readonly rowsPerSecond: number;
  readonly lastCommitSeconds: number;
  readonly rows: number;
  readonly deadLetters: number;
}

/** Rates come from the look before; without one they are 0. */
export function frameOf(now: Observation, before: Observation | undefined, rss: number): Frame {
  const seconds = before === undefined ? 0 : (now.clockMs - before.clockMs) / 1000;
  const rate = (rows: number, earlier: number | undefined): number =>
    seconds > 0 ? Math.max(0, Math.round((rows - (earlier ?? 0)) / seconds)) : 0;
  const partitions = now.snapshot.partitions
    .toSorted((a, b) => a.partition - b.partition)
    .map((p): PartitionFrame => {
      const earlier = before?.snapshot.partitions.find((b) => b.partition === p.partition);
      return {
        partition: p.partition,
        next: p.next,
        lag: lagOf(now, p) ?? null,
        rowsPerSecond: rate(p.rows, earlier?.rows),
        lastCommitSeconds: Math.round((now.clockMs - p.lastCommitMs) / 1000),
        rows: p.rows,
        deadLetters: p.deadLetters,
      };
    });
  const { rows = 0, deadLetters = 0, commits = 0, lost = 0 } = now.snapshot.stats ?? {};
  const lags = partitions.flatMap(({ lag }) => (lag === null ? [] : [lag]));
  return {
    at: new Date(now.atMs).toISOString(),
    rowsPerSecond: rate(rows, before?.snapshot.stats?.rows),
    lag: lags.length < partitions.length ? null : lags.reduce((a, b) => a + b, 0),
    rows,
    deadLetters,
    commits,
    lost,
    rssMiB: Math.round(rss / 1048576),
    partitions,
  };
}

const BARS = '▁▂▃▄▅▆▇█';

/** The newest `width` values as bars, the highest one full. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const top = Math.max(1, ...shown);
  return shown.map((v) => BARS[Math.round((v / top) * (BARS.length - 1))] ?? ' ').join('');
}

const count = (value: number | null): string => value?.toLocaleString('en-US') ?? '?';

/** One line: for output that is no terminal. */
export function lineOf(frame: Frame): string {
  return (
    `${frame.at} ${count(frame.rowsPerSecond)} rows/s, lag ${count(frame.lag)}, ` +
    `${count(frame.rows)} rows in ${count(frame.commits)} commits, ` +
    `${count(frame.deadLetters)} dead letters, ${count(frame.lost)} lost commits, ` +
    `${String(frame.rssMiB)} MiB`
  );
}

/**
 * The whole view as lines, cut to a terminal of `columns` by `rows`.
 * @param history rows a second of earlier frames, this one last
 */
export function viewOf(
  frame: Frame,
  history: readonly number[],
  terminal: { readonly columns: number; readonly rows: number },
): string[] {
  const table = formatTable(
    ['partition', 'next', 'lag', 'rows/s', 'last commit', 'rows', 'dead letters'],
    frame.partitions.map((p) => [
      p.partition,
      p.next,
      count(p.lag),
      count(p.rowsPerSecond),
      `${String(p.lastCommitSeconds)} s ago`,
      count(p.rows),
      count(p.deadLetters),
    ]),
  ).split('\n');
  const room = Math.max(1, terminal.rows - 4);
  const shown = table.length <= room ? table : table.slice(0, room - 1);
  const hidden = table.length - shown.length;
  return [
    lineOf(frame),
    `${sparkline(history, Math.max(1, Math.min(60, terminal.columns - 20)))} rows/s`,
    '',
    ...shown,
    ...(hidden > 0 ? [`... and ${String(hidden)} more partitions`] : []),
  ].map((line) => line.slice(0, terminal.columns));
}
