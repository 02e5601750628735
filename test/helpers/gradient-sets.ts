import { type Random, seededRandom } from '../../src/core/index.ts';

/** K gradients over P parameters and their inner products. */
export interface GradientSet {
  readonly kind: string;
  readonly size: number;
  readonly rows: readonly Float64Array[];
  readonly gram: Float64Array;
}

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((total, x, i) => total + x * b[i]!, 0);

export const gramOf = (rows: readonly Float64Array[]): Float64Array =>
  Float64Array.from(rows.flatMap((a) => rows.map((b) => dot(a, b))));

const normals = (random: Random, count: number): Float64Array =>
  Float64Array.from({ length: count }, () => random.normal());

const add = (a: Float64Array, b: Float64Array, factor: number): Float64Array =>
  a.map((x, i) => x + factor * b[i]!);

/** The last row becomes what the kind says, from the first. */
const KINDS: Readonly<Record<string, (rows: Float64Array[], random: Random) => Float64Array>> = {
  generic: (rows) => rows.at(-1)!,
  'near-duplicate': (rows, random) => add(rows[0]!, rows.at(-1)!, 10 ** (-1 - 3 * random.next())),
  'near-opposite': (rows, random) =>
    add(rows[0]!, rows.at(-1)!, 10 ** (-1 - 3 * random.next())).map((x) => -x),
  'rank-deficient': (rows) => add(rows[0]!, rows.at(-2)!, 0.5),
  duplicate: (rows) => rows[0]!.slice(),
  opposite: (rows) => rows[0]!.map((x) => -x),
  zero: (rows) => new Float64Array(rows[0]!.length),
};

/** A reproducible set; `spread` decades of norms round 1, the same for all tasks or each its own. */
export function gradientSet(
  seed: number,
  kinds: readonly string[] = Object.keys(KINDS),
  spread = 8,
): GradientSet {
  const random = seededRandom(seed, 77);
  const kind = kinds[random.below(kinds.length)]!;
  const size = 2 + random.below(5);
  const columns = random.below(4) === 0 ? size : size + random.below(20);
  const common = normals(random, columns);
  const shift = random.next() < 0.5 ? 0 : random.normal();
  const rows = Array.from({ length: size }, () => add(normals(random, columns), common, shift));
  rows[size - 1] = KINDS[kind]!(rows, random);
  const decades = (): number => 10 ** (spread * (2 * random.next() - 1));
  const all = decades();
  const own = random.below(2) === 0;
  const scaled = rows.map((row) => {
    const scale = own ? decades() : all;
    return row.map((x) => x * scale);
  });
  return { kind, size, rows: scaled, gram: gramOf(scaled) };
}

/** A random point of the simplex, often with few positive entries. */
export function simplexPoint(random: Random, size: number): Float64Array {
  const raw = Float64Array.from({ length: size }, () =>
    random.next() < 0.4 ? 0 : -Math.log(1 - random.next()),
  );
  const total = raw.reduce((a, b) => a + b, 0);
  return total > 0 ? raw.map((x) => x / total) : raw.fill(1 / size);
}
