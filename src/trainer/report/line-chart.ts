import { largest, quantile, smallest } from '../../core/index.ts';
import { axes, figure, guide, label, picture } from './chart.ts';
import { extent, linearScale, type Scale } from './scale.ts';
import { element, type Markup, seriesColour } from './svg.ts';

export interface Series {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface LineChart {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly series: readonly Series[];
  /** Given bounds; the data's own (without its extreme hundredths) otherwise. */
  readonly yDomain?: readonly [number, number];
  readonly reference?: { readonly y: number; readonly name: string };
  readonly width?: number;
  readonly note?: string;
}

/** Points a line is drawn with at most: more are averaged, with a band from least to most. */
const BUCKETS = 100;

interface Bucket {
  readonly x: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

function buckets({ x, y }: Series): Bucket[] {
  const per = Math.max(1, Math.ceil(y.length / BUCKETS));
  const found: Bucket[] = [];
  for (let i = 0; i < y.length; i += per) {
    const values = y.slice(i, i + per).filter(Number.isFinite);
    if (values.length === 0) continue;
    const places = x.slice(i, i + per);
    found.push({
      x: places.reduce((a, b) => a + b, 0) / places.length,
      mean: values.reduce((a, b) => a + b, 0) / values.length,
      low: smallest(values),
      high: largest(values),
    });
  }
  return found;
}

const path = (points: readonly (readonly [number, number])[]): string =>
  points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

function drawSeries(series: Series, index: number, x: Scale, y: Scale): Markup[] {
  const of = buckets(series);
  const clamp = (v: number): number => y.at(Math.min(y.domain[1], Math.max(y.domain[0], v)));
  const above = of.map((b) => [x.at(b.x), clamp(b.high)] as const);
  const below = of.map((b) => [x.at(b.x), clamp(b.low)] as const).reverse();
  const mean = of.map((b) => [x.at(b.x), clamp(b.mean)] as const);
  const style = seriesColour(index);
  const averaged = of.length < series.y.length;
  return [
    ...(averaged
      ? [element('path', { class: 'band', style, d: `${path([...above, ...below])}Z` })]
      : []),
    element('path', { class: 'line', style, d: path(mean) }),
    ...(of.length > 30
      ? []
      : mean.map(([cx, cy]) => element('circle', { class: 'dot', style, cx, cy, r: 2.5 }))),
  ];
}

/** The bounds of the data, without the extreme hundredth at each end of a long noisy series. */
function bounds(series: readonly Series[]): [number, number] {
  const values = series.flatMap((s) => s.y).filter(Number.isFinite);
  if (values.length < 200) return extent(values);
  return extent([quantile(values, 0.01), quantile(values, 0.99)]);
}

/** Lines over a common x; long series are averaged into buckets, with a band for their spread. */
export function lineChart(chart: LineChart): Markup {
  const { series, reference, width = 520 } = chart;
  const frame = picture(width, 270);
  const { left, right, top, bottom } = frame.area;
  const x = linearScale(extent(series.flatMap((s) => s.x)), [left, right], {
    widen: false,
    integers: true,
    count: width < 400 ? 3 : 5,
  });
  const y = linearScale(chart.yDomain ?? bounds(series), [bottom, top]);
  const mark = reference && guide(left, y.at(reference.y), right, y.at(reference.y));
  const name = reference && label(reference.name, right - 4, y.at(reference.y) - 5, 'end', 'halo');
  return figure(
    chart.title,
    series.map((s) => s.name),
    frame,
    [
      ...axes(frame, x, chart.xName, y, chart.yName),
      ...(mark ? [mark] : []),
      ...series.flatMap((s, k) => drawSeries(s, k, x, y)),
      ...(name ? [name] : []),
    ],
    chart.note,
  );
}
