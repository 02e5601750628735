import { describe, expect, it } from 'vitest';
import { renderReport } from '../../src/trainer/report/index.ts';
import type { RunRecord } from '../../src/trainer/run-record.ts';
import { sampleRunRecord } from '../helpers/trainer-run-record.ts';

const record = sampleRunRecord(240);
const html = renderReport(record);

/** Tags that are opened and closed in order, void ones apart. */
function unbalanced(document: string): string[] {
  const open: string[] = [];
  for (const [, close, tag = ''] of document.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (tag === 'meta') continue;
    if (close === '') open.push(tag);
    else if (open.pop() !== tag) return [tag];
  }
  return open;
}

describe('the report', () => {
  it('has every section and a chart for each figure', () => {
    for (const title of [
      'Loss, train days',
      'Loss, validation days',
      'Loss, test days',
      'Task weights',
      'Marginal gains',
      'Alignment with the validation gradient',
      'Predicted and realised validation change',
      'Replay of 2026-01-14',
      'Return against asked return',
    ])
      expect(html).toContain(`<b>${title}</b>`);
    expect(html.match(/<svg /g)).toHaveLength(11);
  });

  it('is well formed and holds no number that is not finite', () => {
    expect(unbalanced(html)).toEqual([]);
    expect(html).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  it('stands alone: no script and nothing fetched', () => {
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|https?:/);
  });

  it('is the same text for the same record', () => {
    expect(renderReport(structuredClone(record))).toBe(html);
  });

  it('prints correlation and slope of the sampled steps', () => {
    const history = [0, 1, 2].map((i) => ({
      ...record.history[i]!,
      validationChange: { predicted: -i, firstOrder: -i, realised: -i / 2 },
    }));
    expect(renderReport({ ...record, history })).toContain(
      'Correlation 1.00, slope 0.50, 3 sampled steps',
    );
  });

  it('gives returns as shares of the best constant in hindsight', () => {
    const row = /<td>hindsight<\/td><td>([^<]*)</.exec(html)?.[1];
    expect(row).toBe('1.000 (1.000 to 1.000)');
  });

  it('escapes every text of the record', () => {
    const hostile = `<script>"'&`;
    const out = renderReport({
      ...sampleRunRecord(20, [hostile, 'b']),
      method: hostile,
      parent: hostile,
      days: { train: [hostile], validation: [hostile], test: [hostile] },
    });
    expect(out).not.toContain('<script');
    expect(out).toContain('&lt;script&gt;&quot;&#39;&amp;');
    expect(unbalanced(out)).toEqual([]);
  });

  it.each<[string, Partial<RunRecord>, string]>([
    ['without replay', { replay: null }, 'The test day has not been replayed.'],
    ['without evaluations', { evaluations: [] }, 'No evaluation was made.'],
    ['without steps', { history: [] }, 'No step was recorded.'],
    [
      'of a method that looks at losses only',
      {
        history: [{ step: 0, losses: [1, 1, 1], weights: [1, 0, 0], entropy: 0, inverseLoss: 1 }],
      },
      'This method takes no marginal gains.',
    ],
  ])('of a run %s says so', (_, change, note) => {
    const out = renderReport({ ...record, ...change });
    expect(out).toContain(note);
    expect(out).not.toMatch(/NaN|Infinity/);
  });

  it('draws gains without norms, and no alignment', () => {
    const history = record.history.map(({ gradients, ...step }) => ({
      ...step,
      gradients: { gains: gradients!.gains, validationNorm: 1 },
    }));
    const out = renderReport({ ...record, history });
    expect(out).toContain('<b>Marginal gains</b>');
    expect(out).not.toContain('<b>Alignment with the validation gradient</b>');
    expect(out).not.toContain('takes no marginal gains');
  });

  it('has a table of the method’s own figures over the steps', () => {
    const history = [1, 0, 0, 1].map((degenerate, step) => ({
      ...record.history[step]!,
      diagnostics: { degenerate, score: [step, 0.5, -1], pair: [7, 8] },
    }));
    const text = renderReport({ ...record, history }).replace(/<[^>]+>/g, '|');
    const cells = (...row: string[]) => row.map((cell) => `|${cell}|`).join('');
    expect(text).toContain(cells('degenerate', '0.000', '0.5000', '1.000', '1.000'));
    expect(text).toContain(cells('score, store', '0.000', '1.500', '3.000', '3.000'));
    expect(text).toContain(cells('score, cart', '-1.000', '-1.000', '-1.000', '-1.000'));
    expect(text).toContain(cells('pair, 1', '8.000', '8.000', '8.000', '8.000'));
    expect(html).not.toContain('own figures');
  });

  it('draws a run of one task, one step and constant figures', () => {
    const step = {
      ...record.history[0]!,
      ...{ losses: [0], weights: [1], entropy: 0 },
      gradients: { gains: [0], norms: [0], validationNorm: 0, cosines: [0] },
    };
    const out = renderReport({
      ...sampleRunRecord(1, ['only']),
      history: [step, { ...step, step: 1 }],
      replay: null,
    });
    expect(out).not.toMatch(/NaN|Infinity/);
  });

  it('leaves out points that are not finite', () => {
    const broken = { ...record.history[3]!, losses: [NaN, 1, 1] };
    expect(renderReport({ ...record, history: record.history.with(3, broken) })).not.toMatch(/NaN/);
  });
});
