import type { EvaluationDocument } from '../../contracts/index.ts';
import type { Interval } from '../../core/index.ts';
import { taskRatios } from '../../eval/index.ts';
import type { RunRecord } from '../run-record.ts';
import { dotPlot, intervalLines } from './point-charts.ts';
import { element, type Markup, text } from './svg.ts';

const HINDSIGHT = 'hindsight';
/** Policies that ask the model for a given return are named `y=0.5`. */
const ASKED = /^y=(\d+(?:\.\d+)?)$/;

interface Row {
  readonly name: string;
  readonly values: readonly (Interval | null)[];
}

/** Return of every policy by the best constants', per task. */
function ratios(replay: EvaluationDocument, tasks: readonly string[]): Row[] {
  const reference = replay.policies[HINDSIGHT] ?? [];
  return Object.entries(replay.policies).map(([name, results]) => {
    const byTask = taskRatios(results, reference);
    return { name, values: tasks.map((task) => byTask[task] ?? null) };
  });
}

const figures = (v: Interval | null): string =>
  v ? `${v.mean.toFixed(3)} (${v.low.toFixed(3)} to ${v.high.toFixed(3)})` : '–';

export function table(head: readonly string[], rows: readonly (readonly string[])[]): Markup {
  const cells = (tag: string, row: readonly string[]): Markup =>
    element('tr', {}, ...row.map((cell) => element(tag, {}, text(cell))));
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {},
      element('thead', {}, cells('th', head)),
      element('tbody', {}, ...rows.map((row) => cells('td', row))),
    ),
  );
}

/** The test day's returns beside the anchors, and return against asked return. */
export function replaySections(run: RunRecord): { anchors: Markup[]; asked: Markup[] } {
  if (run.replay === null) return { anchors: [], asked: [] };
  const { tasks, replay } = run;
  const all = ratios(replay, tasks);
  const rows = all.filter(({ name }) => name !== HINDSIGHT && !ASKED.test(name));
  const xName = 'return ÷ return of the best constant in hindsight';
  const anchors = [
    dotPlot({
      title: `Replay of ${replay.day}`,
      xName,
      series: tasks,
      rows,
      note: 'Bars: 95 % bootstrap intervals over campaigns. Dashed: best constant bid in hindsight.',
    }),
    table(
      ['policy', ...tasks],
      all.map((r) => [r.name, ...r.values.map(figures)]),
    ),
  ];
  const asked = all
    .flatMap((r) => {
      const match = ASKED.exec(r.name);
      return match ? [{ y: Number(match[1]), values: r.values }] : [];
    })
    .sort((a, b) => a.y - b.y);
  if (asked.length < 2) return { anchors, asked: [] };
  const series = tasks.flatMap((name, k) => {
    const values = asked.flatMap((a) => a.values[k] ?? []);
    return values.length === asked.length ? [{ name, values }] : [];
  });
  const chart = intervalLines({
    title: 'Return against asked return',
    xName: 'asked return y',
    yName: 'return ÷ hindsight',
    x: asked.map((a) => a.y),
    series,
    note: 'A model that heeds what is asked of it rises from left to right.',
  });
  return { anchors, asked: [chart] };
}
