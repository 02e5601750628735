/** Letters to insert, delete or replace to make `a` into `b` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + Number(a[i] !== b[j]);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The names, most like `wanted` first; otherwise in their order. */
export function nearestFirst(wanted: string, names: readonly string[]): string[] {
  const near = new Map(
    names.map((name) => [name, distance(wanted.toLowerCase(), name.toLowerCase())]),
  );
  return [...names].sort((a, b) => (near.get(a) ?? 0) - (near.get(b) ?? 0));
}

/** What to add to a message of an unknown name that is at most two letters off a known one; else ''. */
export function didYouMean(wanted: string, names: readonly string[]): string {
  const [nearest] = nearestFirst(wanted, names);
  if (nearest === undefined) return '';
  const off = distance(wanted.toLowerCase(), nearest.toLowerCase());
  return off <= Math.min(2, nearest.length / 2) ? ` (did you mean "${nearest}"?)` : '';
}
