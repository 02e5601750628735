import { type RunRecord, SPLITS } from '../run-record.ts';
import { facts, page, section } from './page.ts';
import { replaySections, table } from './replay-sections.ts';
import { element, text } from './svg.ts';
import {
  diagnosticRows,
  gradientCharts,
  lossCharts,
  predictionChart,
  weightCharts,
} from './training-sections.ts';

const FIGURE_COLUMNS = ['figure', 'least', 'mean', 'most', 'at the last step'] as const;

/** First and last of many days, all of few. */
function daySpan(days: readonly string[]): string {
  if (days.length === 0) return 'none';
  return days.length < 3 ? days.join(', ') : `${days[0] ?? ''} to ${days.at(-1) ?? ''}`;
}

/**
 * The report of a training run: one HTML file without scripts or outside references. The same
 * record gives the same text.
 */
export function renderReport(run: RunRecord): string {
  const title = `Training run ${run.method}, ${run.steps} steps`;
  const replay = replaySections(run);
  const figures = diagnosticRows(run);
  const lineage = SPLITS.map((split) => [
    split,
    String(run.days[split].length),
    daySpan(run.days[split]),
    ...run.trajectories[split].map(String),
  ]);
  return page(title, [
    element('h1', {}, text(title)),
    element(
      'p',
      { class: 'lead' },
      text(`Test day ${daySpan(run.days.test)}; tasks ${run.tasks.join(', ')}`),
    ),
    facts([
      ['method', run.method],
      ['started from', run.parent ?? 'random parameters'],
      ['steps', String(run.steps)],
      ['batch', String(run.batch)],
      ['learning rate', String(run.learningRate)],
      ['seed', String(run.seed)],
      ['parameters', run.parameterCount.toLocaleString('en-US')],
    ]),
    section(
      'Returns on the test day',
      'one',
      replay.anchors,
      'The test day has not been replayed.',
    ),
    section(
      'Losses',
      'three',
      run.evaluations.length > 0 ? lossCharts(run) : [],
      'No evaluation was made.',
    ),
    section(
      'Training',
      'three',
      run.history.length > 0 ? weightCharts(run) : [],
      'No step was recorded.',
    ),
    section('Gradients', 'two', gradientCharts(run), 'This method takes no marginal gains.'),
    ...(figures.length > 0
      ? [section('The method’s own figures', 'one', [table(FIGURE_COLUMNS, figures)], '')]
      : []),
    section(
      'Calibration',
      'two',
      [...predictionChart(run), ...replay.asked],
      'Neither validation changes nor asked returns were recorded.',
    ),
    section(
      'Lineage',
      'one',
      [table(['split', 'days', 'range', ...run.tasks.map((t) => `${t} trajectories`)], lineage)],
      '',
    ),
  ]);
}
