/** Text made safe for HTML and SVG, in content and in quoted attributes. */
function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Markup that is already safe; only `element` and `text` make it. */
export type Markup = string & { readonly __brand: 'Markup' };

/** Plain text as markup. */
export const text = (content: string): Markup => escapeText(content) as Markup;

/** An element; attribute values are escaped, numbers rounded to a tenth. */
export function element(
  tag: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly Markup[]
): Markup {
  const written = Object.entries(attributes).map(([name, value]) => {
    const plain = typeof value === 'number' ? String(Math.round(value * 10) / 10) : value;
    return ` ${name}="${escapeText(plain)}"`;
  });
  return `<${tag}${written.join('')}>${children.join('')}</${tag}>` as Markup;
}

/** The style that gives an element the colour of series `index`. */
export const seriesColour = (index: number): string => `--c:var(--s${index % SERIES_COLOURS})`;
const SERIES_COLOURS = 6;
