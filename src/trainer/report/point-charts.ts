import type { Interval } from '../../core/index.ts';
import { axes, figure, guide, label, picture } from './chart.ts';
import { extent, linearScale } from './scale.ts';
import { element, type Markup, seriesColour } from './svg.ts';

/** Predicted against realised values, with the line of equality and the fitted line. */
export function scatterChart(chart: {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly points: readonly (readonly [number, number])[];
  readonly fit: { readonly slope: number; readonly intercept: number };
  readonly note: string;
}): Markup {
  const frame = picture(520, 320, 70);
  const { left, right, top, bottom } = frame.area;
  const x = linearScale(extent(chart.points.map(([a]) => a)), [left, right]);
  const y = linearScale(extent(chart.points.map(([, b]) => b)), [bottom, top]);
  /** The part of a line inside the frame. */
  const clipped = (slope: number, intercept: number): [number, number, number, number] => {
    const ends = y.domain.map((v) => (v - intercept) / slope).sort((a, b) => a - b);
    const flat = slope === 0;
    const from = flat ? x.domain[0] : Math.max(x.domain[0], ends[0] ?? 0);
    const to = flat ? x.domain[1] : Math.min(x.domain[1], ends[1] ?? 0);
    return [x.at(from), y.at(intercept + slope * from), x.at(to), y.at(intercept + slope * to)];
  };
  /** Nothing where the line misses the frame, or is not finite. */
  const drawn = (cls: string, slope: number, intercept: number): Markup[] => {
    const [x1, y1, x2, y2] = clipped(slope, intercept);
    const style = seriesColour(1);
    return x1 < x2 ? [element('line', { class: cls, style, x1, y1, x2, y2 })] : [];
  };
  const dots = chart.points.map(([a, b]) =>
    element('circle', {
      class: 'dot soft',
      style: seriesColour(0),
      cx: x.at(a),
      cy: y.at(b),
      r: 3,
    }),
  );
  return figure(
    chart.title,
    ['sampled step', 'least-squares line'],
    frame,
    [
      ...axes(frame, x, chart.xName, y, chart.yName),
      ...drawn('guide', 1, 0),
      ...dots,
      ...drawn('line', chart.fit.slope, chart.fit.intercept),
    ],
    chart.note,
  );
}

export interface DotRow {
  readonly name: string;
  /** One a series; null where there is none. */
  readonly values: readonly (Interval | null)[];
}

const ROW_GAP = 16;
const DOT_GAP = 13;

/** One row a policy, one dot with its interval a task; the dashed line is 1. */
export function dotPlot(chart: {
  readonly title: string;
  readonly xName: string;
  readonly series: readonly string[];
  readonly rows: readonly DotRow[];
  readonly note: string;
}): Markup {
  const { rows, series } = chart;
  const rowHeight = series.length * DOT_GAP + ROW_GAP;
  const names = Math.max(...rows.map((r) => r.name.length), 4);
  const frame = picture(1060, rows.length * rowHeight + 58, Math.min(260, names * 7.5 + 20));
  const { left, right, top, bottom } = frame.area;
  const all = rows.flatMap((r) => r.values).flatMap((v) => (v ? [v.low, v.high, v.mean] : []));
  const x = linearScale(extent([...all, 1]), [left, right], { count: 8 });
  const content = rows.flatMap((row, i) => {
    const start = top + i * rowHeight;
    const middle = start + rowHeight / 2;
    const dots = row.values.flatMap((value, k) => {
      const y = middle + (k - (series.length - 1) / 2) * DOT_GAP;
      return value ? whisker(x.at(value.low), y, x.at(value.high), y, x.at(value.mean), y, k) : [];
    });
    const rule =
      i === 0
        ? []
        : [element('line', { class: 'grid', x1: left, y1: start, x2: right, y2: start })];
    return [...rule, label(row.name, left - 12, middle + 4, 'end'), ...dots];
  });
  return figure(
    chart.title,
    series,
    frame,
    [...axes(frame, x, chart.xName), guide(x.at(1), top, x.at(1), bottom), ...content],
    chart.note,
  );
}

/** An interval and its mean. */
function whisker(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  cx: number,
  cy: number,
  series: number,
): Markup[] {
  const style = seriesColour(series);
  return [
    element('line', { class: 'interval', style, x1, y1, x2, y2 }),
    element('circle', { class: 'dot', style, cx, cy, r: 4 }),
  ];
}

/** Means with intervals at a few x, joined by lines; series are set side by side. */
export function intervalLines(chart: {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly x: readonly number[];
  readonly series: readonly { readonly name: string; readonly values: readonly Interval[] }[];
  readonly note: string;
}): Markup {
  const frame = picture(520, 300);
  const { left, right, top, bottom } = frame.area;
  const all = chart.series.flatMap((s) => s.values.flatMap((v) => [v.low, v.high]));
  const [first, last] = extent(chart.x);
  const margin = (last - first) * 0.08;
  const x = linearScale([first - margin, last + margin], [left, right], { widen: false, count: 4 });
  const y = linearScale(extent(all), [bottom, top]);
  const content = chart.series.flatMap(({ values }, k) => {
    const aside = (k - (chart.series.length - 1) / 2) * 8;
    const places = values.map((v, i) => [x.at(chart.x[i] ?? 0) + aside, y.at(v.mean)] as const);
    const points = places.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(' ');
    return [
      element('polyline', { class: 'line', style: seriesColour(k), points }),
      ...values.flatMap((v, i) => {
        const [px, py] = places[i] ?? [0, 0];
        return whisker(px, y.at(v.low), px, y.at(v.high), px, py, k);
      }),
    ];
  });
  return figure(
    chart.title,
    chart.series.map((s) => s.name),
    frame,
    [...axes(frame, x, chart.xName, y, chart.yName), ...content],
    chart.note,
  );
}
