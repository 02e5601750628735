import type { PartitionSnapshot } from '../../ingest/index.ts';
import { formatTable } from '../table.ts';
import { lagOf, type Observation } from './observation.ts';

/** What the live view shows of one look at an ingester; also one line of `--json`. */
export interface Frame {
  /** ISO time. */
  readonly at: string;
  /** Rows read, committed or not. */
  readonly rowsPerSecond: number;
  readonly lag: number | null;
  /** Rows committed. */
  readonly rows: number;
  /** Records read and not yet committed. */
  readonly buffered: number;
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

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const rowsRead = (p: PartitionSnapshot): number => p.rows + p.bufferedRows;

/** Rows of all partitions: what was committed, of those that are another's by now too. */
const allRows = ({ snapshot: { stats, partitions } }: Observation): number =>
  (stats?.rows ?? 0) + sum(partitions.map((p) => p.bufferedRows));

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
        rowsPerSecond: rate(rowsRead(p), earlier && rowsRead(earlier)),
        lastCommitSeconds: Math.round((now.clockMs - p.lastCommitMs) / 1000),
        rows: p.rows,
        deadLetters: p.deadLetters,
      };
    });
  const { rows = 0, deadLetters = 0, commits = 0, lost = 0 } = now.snapshot.stats ?? {};
  const lags = partitions.flatMap(({ lag }) => (lag === null ? [] : [lag]));
  return {
    at: new Date(now.atMs).toISOString(),
    rowsPerSecond: rate(allRows(now), before && allRows(before)),
    // Before partitions are assigned nothing is known of what waits in them.
    lag: lags.length === 0 || lags.length < partitions.length ? null : sum(lags),
    rows,
    buffered: sum(now.snapshot.partitions.map((p) => p.buffered)),
    deadLetters,
    commits,
    lost,
    rssMiB: Math.round(rss / 1048576),
    partitions,
  };
}

/** Terminals of fewer rows get one line of totals. */
const LOW = 12;
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
    `${count(frame.buffered)} records read since, ${count(frame.deadLetters)} dead letters, ` +
    `${count(frame.lost)} lost commits, ${String(frame.rssMiB)} MiB`
  );
}

/** Text as lines of at most `columns`, parted where it has commas. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const part of text.split(/(?<=,) /)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + part.length > columns) lines.push(part);
    else lines[lines.length - 1] = `${last} ${part}`;
  }
  return lines;
}

/** A row a partition; without the offsets where they do not fit. */
function tableOf({ partitions }: Frame, columns: number): string[] {
  if (partitions.length === 0) return ['no partition is assigned yet'];
  const heading = ['partition', 'lag', 'rows/s', 'commit', 'rows', 'bad', 'next'];
  const cells = partitions.map((p) => [
    p.partition,
    count(p.lag),
    count(p.rowsPerSecond),
    `${String(p.lastCommitSeconds)} s ago`,
    count(p.rows),
    count(p.deadLetters),
    p.next,
  ]);
  const whole = formatTable(heading, cells).split('\n');
  if (whole.every((line) => line.length <= columns)) return whole;
  return formatTable(
    heading.slice(0, -1),
    cells.map((row) => row.slice(0, -1)),
  ).split('\n');
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
  const { columns } = terminal;
  const head = [
    ...(terminal.rows < LOW ? [lineOf(frame)] : wrapped(lineOf(frame), columns)),
    `${sparkline(history, Math.max(1, Math.min(60, columns - 20)))} rows/s`,
    '',
  ];
  const table = tableOf(frame, columns);
  const room = Math.max(1, terminal.rows - head.length - 1);
  const shown = table.length <= room ? table : table.slice(0, room - 1);
  const hidden = table.length - shown.length;
  return [
    ...head,
    ...shown,
    ...(hidden > 0 ? [`... and ${String(hidden)} more partitions`] : []),
  ].map((line) => line.slice(0, columns));
}
