import { largest } from '../core/index.ts';

/** Rows as aligned text: numbers to the right, words to the left, the first row a heading. */
export function formatTable(
  heading: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = [heading, ...rows.map((row) => row.map(String))];
  const widths = heading.map((_, i) => largest(cells.map((row) => row[i]?.length ?? 0)));
  const numeric = heading.map(
    (_, i) =>
      rows.length > 0 &&
      rows.every((row) => typeof row[i] === 'number' || /^[-+]?[\d.,]+%?$|^-$/.test(row[i] ?? '')),
  );
  return cells
    .map((row) =>
      row
        .map((cell, i) =>
          numeric[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
