/**
 * Prints the tables of docs/solvers.md: for each method with a solver, how far the published code's
 * answer and ours are from the exact one, case by case of the reference file.
 *
 *   npx tsx scripts/solver-gaps.ts [test/golden/golden-mtl.json]
 */
import { readFileSync } from 'node:fs';
import { seededRandom } from '../src/core/index.ts';
import { createWeighting } from '../src/trainer/index.ts';

interface Answer {
  readonly weights?: readonly number[];
  readonly direction?: readonly number[];
  readonly error?: string;
}
interface Case {
  readonly method: string;
  readonly K: number;
  readonly hyper: Readonly<Record<string, unknown>>;
  readonly check: string;
  readonly steps: readonly {
    readonly in: { readonly grads: number[][]; readonly losses?: number[] };
    readonly out: Answer;
  }[];
  readonly reference?: Answer & { readonly steps?: readonly Answer[]; readonly refStuck?: boolean };
}
interface Row {
  readonly norms: readonly number[];
  readonly reference: number | string;
  readonly ours: number;
}

const TITLES: Readonly<Record<string, string>> = {
  fairgrad: 'FairGrad: scipy `least_squares`; largest relative error of a weight',
  nashmtl: 'Nash-MTL: cvxpy and ECOS in a loop; largest relative error of a weight',
  cagrad: 'CAGrad: scipy SLSQP; relative error of the step',
  mgda: "MGDA: clamped line search; error of the step over the shortest gradient's norm",
};

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, x, i) => total + x * b[i]!, 0);
const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a));

/** The error that the method's table shows. */
function gap(c: Case, grads: number[][], answer: Answer, exact: Answer): number {
  if (c.method === 'fairgrad' || c.method === 'nashmtl')
    return Math.max(...exact.weights!.map((w, k) => Math.abs(answer.weights![k]! / w - 1)));
  const away = norm(exact.direction!.map((x, p) => x - answer.direction![p]!));
  const shortest = Math.min(...grads.map(norm).filter((x) => x > 0));
  return away / (c.method === 'mgda' ? shortest : norm(exact.direction!) || shortest);
}

function ours(c: Case, grads: number[][], losses: number[]): Answer {
  const options = c.method === 'cagrad' ? { ...c.hyper, epsilonUnit: 'absolute' } : c.hyper;
  const { weights } = createWeighting(c.method, c.K, options).step({
    gram: Float64Array.from(grads.flatMap((a) => grads.map((b) => dot(a, b)))),
    losses: Float64Array.from(losses),
    random: seededRandom(1),
  });
  const direction = grads[0]!.map((_, p) =>
    grads.reduce((sum, g, k) => sum + weights[k]! * g[p]!, 0),
  );
  return { weights: [...weights], direction };
}

function rowsOf(c: Case): Row[] {
  return c.steps.map(({ in: { grads, losses = [] }, out }, i) => {
    const { refStuck, ...whole } = c.reference!;
    const found = whole.steps?.[i] ?? whole;
    const error = found.error === undefined ? gap(c, grads, found, out) : 'crashes';
    return {
      norms: grads.map(norm),
      reference: refStuck === true ? `${shown(error)}, returns its start 1/K` : error,
      ours: gap(c, grads, ours(c, grads, losses), out),
    };
  });
}

const shown = (x: number | string): string =>
  typeof x === 'string' ? x : x < 1e-15 ? '< 1e-15' : x.toExponential(1);

function kindOf({ norms }: Row): string {
  if (norms.includes(0)) return 'zero gradient';
  if (Math.max(...norms) / Math.min(...norms) >= 100) return 'unequal';
  return Math.max(...norms) >= 100 ? 'large' : 'small';
}

/** Gradients that differ in size by less than 100, none below 0.1 or above 100. */
const ordinary = ({ norms }: Row): boolean =>
  norms.every((x) => x > 0.1 && x < 100) && Math.max(...norms) / Math.min(...norms) < 100;

function table(method: string, rows: readonly Row[]): string {
  const line = (norms: string, kind: string, reference: number | string, error: number): string =>
    `| ${norms} | ${kind} | ${shown(reference)} | ${shown(error)} |`;
  const plain = rows.filter(ordinary);
  const worst = (values: (number | string)[]): number =>
    Math.max(...values.filter((x) => typeof x === 'number'));
  const rest = rows
    .filter((row) => !ordinary(row))
    .sort((a, b) => Math.max(...a.norms) - Math.max(...b.norms))
    .map((row) =>
      line(
        row.norms.map((x) => x.toPrecision(2)).join(' : '),
        kindOf(row),
        row.reference,
        row.ours,
      ),
    );
  return [
    `### ${TITLES[method]!}`,
    '',
    '| gradient norms | case | published code | vamo |',
    '|---|---|---|---|',
    line(
      '0.1 to 100',
      `worst of ${plain.length}`,
      worst(plain.map((row) => row.reference)),
      worst(plain.map((row) => row.ours)),
    ),
    ...rest,
    '',
  ].join('\n');
}

const path = process.argv[2] ?? 'test/golden/golden-mtl.json';
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { readonly cases: readonly Case[] };
for (const method of Object.keys(TITLES)) {
  const solved = cases.filter((c) => c.method === method && c.check === 'values' && c.reference);
  console.log(table(method, solved.flatMap(rowsOf)));
}
