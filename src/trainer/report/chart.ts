import type { Scale } from './scale.ts';
import { element, type Markup, seriesColour, text } from './svg.ts';

/** The rectangle of a chart that holds the data, in pixels of its picture. */
interface Area {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly area: Area;
}

export function picture(width: number, height: number, left = 58): Picture {
  return { width, height, area: { left, right: width - 14, top: 12, bottom: height - 44 } };
}

const line = (cls: string, x1: number, y1: number, x2: number, y2: number): Markup =>
  element('line', { class: cls, x1, y1, x2, y2 });

/** A dashed reference line, e.g. hindsight = 1. */
export const guide = line.bind(undefined, 'guide');

/** Grid, tick labels and the two axis names. `y` is left out for charts whose rows have names. */
export function axes(
  { area, height }: Picture,
  x: Scale,
  xName: string,
  y?: Scale,
  yName = '',
): Markup[] {
  const { left, right, top, bottom } = area;
  const below = x.ticks.flatMap((tick) => [
    line('grid', x.at(tick), top, x.at(tick), bottom),
    label(x.format(tick), x.at(tick), bottom + 16, 'middle'),
  ]);
  const beside = (y?.ticks ?? []).flatMap((tick) => [
    line('grid', left, y?.at(tick) ?? 0, right, y?.at(tick) ?? 0),
    label(y?.format(tick) ?? '', left - 7, (y?.at(tick) ?? 0) + 4, 'end'),
  ]);
  const middle = (top + bottom) / 2;
  return [
    ...below,
    ...beside,
    line('axis', left, bottom, right, bottom),
    element(
      'text',
      {
        class: 'name',
        x: (left + right) / 2,
        y: height - 8,
        'text-anchor': 'middle',
      },
      text(xName),
    ),
    ...(y === undefined
      ? []
      : [
          element(
            'text',
            {
              class: 'name',
              x: 0,
              y: 0,
              'text-anchor': 'middle',
              transform: `translate(13 ${middle}) rotate(-90)`,
            },
            text(yName),
          ),
        ]),
  ];
}

/** Small text; with class `halo` it stays readable over lines. */
export function label(content: string, x: number, y: number, anchor: string, cls = ''): Markup {
  return element('text', { class: cls, x, y, 'text-anchor': anchor }, text(content));
}

/** A chart with its title, legend and note. The legend is HTML, so it wraps and never overlaps. */
export function figure(
  title: string,
  names: readonly string[],
  { width, height }: Picture,
  content: readonly Markup[],
  note = '',
): Markup {
  const legend = names.map((name, k) =>
    element('span', { class: 'key', style: seriesColour(k) }, text(name)),
  );
  return element(
    'figure',
    {},
    element('figcaption', {}, element('b', {}, text(title)), ...legend),
    element(
      'svg',
      { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title },
      ...content,
    ),
    ...(note === '' ? [] : [element('p', { class: 'note' }, text(note))]),
  );
}
