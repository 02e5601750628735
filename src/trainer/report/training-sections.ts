import { correlation, largest, mean, smallest, sum } from '../../core/index.ts';
import { type RunRecord, SPLITS } from '../run-record.ts';
import { lineChart, type Series } from './line-chart.ts';
import { scatterChart } from './point-charts.ts';
import type { Markup } from './svg.ts';

const STEP = 'training step';

/** One series a task from one list of numbers a record. */
function byTask<R extends { readonly step: number }>(
  run: RunRecord,
  records: readonly R[],
  figures: (record: R) => readonly number[],
): Series[] {
  return run.tasks.map((name, k) => ({
    name,
    x: records.map((r) => r.step),
    y: records.map((r) => figures(r)[k] ?? Number.NaN),
  }));
}

/** Likelihood loss on the three splits, on one scale. */
export function lossCharts(run: RunRecord): Markup[] {
  const values = run.evaluations.flatMap((e) => SPLITS.flatMap((split) => e.losses[split]));
  const finite = values.filter(Number.isFinite);
  const yDomain = [smallest(finite), largest(finite)] as const;
  return SPLITS.map((split) =>
    lineChart({
      title: `Loss, ${split} days`,
      xName: STEP,
      yName: 'loss, nats a feature',
      series: byTask(run, run.evaluations, (e) => e.losses[split]),
      ...(yDomain[0] < yDomain[1] && { yDomain }),
      width: 370,
      note: 'Over a sample of each task’s trajectories; the last point over a larger one.',
    }),
  );
}

/** What each step saw and chose. */
export function weightCharts(run: RunRecord): Markup[] {
  const most = Math.max(1, ...run.history.flatMap((r) => r.weights));
  return [
    lineChart({
      title: 'Loss on the training batches',
      xName: STEP,
      yName: 'loss, nats a feature',
      series: byTask(run, run.history, (r) => r.losses),
      width: 370,
      note: 'Lines: means of neighbouring steps. Bands: least to most.',
    }),
    lineChart({
      title: 'Task weights',
      xName: STEP,
      yName: 'weight',
      series: byTask(run, run.history, (r) => r.weights),
      yDomain: [0, most],
      reference: { y: 1 / run.tasks.length, name: 'equal' },
      width: 370,
    }),
    lineChart({
      title: 'Entropy of the weights',
      xName: STEP,
      yName: 'entropy, nats',
      series: [
        {
          name: 'entropy',
          x: run.history.map((r) => r.step),
          y: run.history.map((r) => r.entropy),
        },
      ],
      yDomain: [0, Math.log(run.tasks.length) * 1.1 || 1],
      reference: { y: Math.log(run.tasks.length), name: 'equal weights' },
      width: 370,
    }),
  ];
}

/** Gains and, where norms are known, cosines; none for methods that take no gains. */
export function gradientCharts(run: RunRecord): Markup[] {
  const records = run.history.flatMap(({ step, gradients }) =>
    gradients ? [{ step, ...gradients }] : [],
  );
  if (records.length === 0) return [];
  const aligned = records.flatMap(({ step, cosines }) => (cosines ? [{ step, cosines }] : []));
  const gains = [
    lineChart({
      title: 'Marginal gains',
      xName: STEP,
      yName: 'gain ⟨g_val, g_k⟩',
      series: byTask(run, records, (r) => r.gains),
      reference: { y: 0, name: '' },
      note: 'Above 0: a step along the task’s gradient lowers the validation loss.',
    }),
  ];
  if (aligned.length === 0) return gains;
  return [
    ...gains,
    lineChart({
      title: 'Alignment with the validation gradient',
      xName: STEP,
      yName: 'cosine',
      series: byTask(run, aligned, (r) => r.cosines),
      reference: { y: 0, name: '' },
    }),
  ];
}

/** One row a figure of the method, one a task where it has a number for each. */
export function diagnosticRows(run: RunRecord): string[][] {
  const series = new Map<string, number[]>();
  for (const { diagnostics = {} } of run.history)
    for (const [name, value] of Object.entries(diagnostics)) {
      const values = typeof value === 'number' ? [value] : value;
      values.forEach((x, k) => {
        const task = values.length === run.tasks.length ? run.tasks[k] : String(k);
        const row = typeof value === 'number' ? name : `${name}, ${task}`;
        const found = series.get(row) ?? [];
        found.push(x);
        series.set(row, found);
      });
    }
  return [...series].map(([name, values]) => {
    const figures = [smallest(values), mean(values), largest(values), values.at(-1) ?? 0];
    return [name, ...figures.map((x) => x.toPrecision(4))];
  });
}

/** How well eq. 7 foretells the change of the validation loss; none without sampled steps. */
export function predictionChart(run: RunRecord): Markup[] {
  const changes = run.history.flatMap((r) => r.validationChange ?? []);
  const points = changes
    .map((c) => [c.predicted, c.realised] as const)
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  if (points.length < 2) return [];
  const xs = points.map(([a]) => a);
  const ys = points.map(([, b]) => b);
  const [mx, my] = [mean(xs), mean(ys)];
  const slope =
    sum(points.map(([a, b]) => (a - mx) * (b - my))) / sum(xs.map((a) => (a - mx) ** 2));
  const r = correlation(xs, ys);
  const figures = Number.isFinite(r)
    ? `Correlation ${r.toFixed(2)}, slope ${slope.toFixed(2)}`
    : 'No correlation: one side is constant';
  return [
    scatterChart({
      title: 'Predicted and realised validation change',
      xName: 'predicted change of the validation loss, −η Σ w m',
      yName: 'realised change',
      points,
      fit: { slope, intercept: my - slope * mx },
      note: `${figures}, ${points.length} sampled steps. Dashed: realised = predicted.`,
    }),
  ];
}
