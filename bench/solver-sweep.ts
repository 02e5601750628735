/**
 * Errors of the usual scipy solvers of FairGrad and CAGrad by gradient norm, against ours.
 *
 *   npx tsx bench/solver-sweep.ts PYTHON      (a Python 3 with numpy and scipy)
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Random, seededRandom } from '../src/core/index.ts';
import { createWeighting } from '../src/trainer/index.ts';

const PEER = fileURLToPath(new URL('peers/solver_sweep.py', import.meta.url));
const TASKS = 3;
const COLUMNS = 20;
const SETS = 200;
const NORMS = [1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2, 1e3, 1e4];
const ALPHA = 2;
const C = 0.4;

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, x, i) => total + x * b[i]!, 0);

/** The Gram matrix of K random gradients with a common part, each of norm `size` times 0.5 to 2. */
function gramOf(random: Random, size: number): number[] {
  const normals = (): number[] => Array.from({ length: COLUMNS }, () => random.normal());
  const common = normals();
  const rows = Array.from({ length: TASKS }, () => {
    const raw = normals().map((x, i) => x + 0.5 * common[i]!);
    const scale = (size * 2 ** (2 * random.next() - 1)) / Math.sqrt(dot(raw, raw));
    return raw.map((x) => x * scale);
  });
  return rows.flatMap((a) => rows.map((b) => dot(a, b)));
}

function ours(name: string, options: Record<string, unknown>, gram: readonly number[]) {
  const { weights, diagnostics } = createWeighting(name, TASKS, options).step({
    gram: Float64Array.from(gram),
    random: seededRandom(1),
  });
  const { simplexWeights, residual = 0 } = diagnostics;
  return {
    weights: [...((simplexWeights as number[] | undefined) ?? weights)],
    residual: residual as number,
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const norm = (gram: readonly number[], w: readonly number[]): number =>
  Math.sqrt(
    dot(
      w,
      w.map((_, i) => dot(gram.slice(i * TASKS, (i + 1) * TASKS), w)),
    ),
  );

/** ||sum_k (a_k - b_k) g_k|| / ||sum_k b_k g_k||. */
const stepGap = (gram: readonly number[], a: readonly number[], b: readonly number[]): number =>
  norm(
    gram,
    a.map((x, k) => x - b[k]!),
  ) / norm(gram, b);

const python = process.argv[2];
if (python === undefined) throw new Error('usage: npx tsx bench/solver-sweep.ts PYTHON');
const grams = NORMS.map((size, i) => {
  const random = seededRandom(2026, i);
  return Array.from({ length: SETS }, () => gramOf(random, size));
});
const square = (gram: readonly number[]): number[][] =>
  Array.from({ length: TASKS }, (_, i) => gram.slice(i * TASKS, (i + 1) * TASKS));
const input = JSON.stringify({ alpha: ALPHA, c: C, grams: grams.flat().map(square) });
const peer = spawnSync(python, [PEER], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
if (peer.status !== 0) throw new Error(peer.stderr);
const found = JSON.parse(peer.stdout) as {
  readonly scipy: string;
  readonly fairgrad: number[][];
  readonly cagrad: number[][];
};
console.log(`scipy ${found.scipy}, ${SETS} random sets of ${TASKS} gradients a row\n`);
console.log(
  '| gradient norm | FairGrad, scipy: median, worst | residual of ours, worst | ' +
    'CAGrad, scipy: median, worst | still at 1/K |',
);
console.log('|---|---|---|---|---|');
for (const [i, size] of NORMS.entries()) {
  const fair: number[] = [];
  const averse: number[] = [];
  let stuck = 0;
  let residual = 0;
  for (const [j, gram] of grams[i]!.entries()) {
    const at = i * SETS + j;
    const fairest = ours('fairgrad', { alpha: ALPHA }, gram);
    residual = Math.max(residual, fairest.residual);
    fair.push(stepGap(gram, found.fairgrad[at]!, fairest.weights));
    const exact = ours('cagrad', { c: C, epsilonUnit: 'absolute' }, gram).weights;
    averse.push(stepGap(gram, found.cagrad[at]!, exact));
    const atStart = found.cagrad[at]!.every((w) => Math.abs(w - 1 / TASKS) < 1e-9);
    if (atStart && stepGap(gram, found.cagrad[at]!, exact) > 1e-3) stuck++;
  }
  const pair = (gaps: readonly number[]): string =>
    `${median(gaps).toExponential(1)}, ${Math.max(...gaps).toExponential(1)}`;
  const share = Math.round((100 * stuck) / SETS);
  console.log(
    `| ${size} | ${pair(fair)} | ${residual.toExponential(1)} | ${pair(averse)} | ${share} % |`,
  );
}
