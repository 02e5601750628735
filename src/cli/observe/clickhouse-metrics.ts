import { type Metric, single } from './prometheus.ts';

/** How far the queryable copy is behind the ledgers and seals, and what was loaded so far. */
export interface LoadFigures {
  readonly pendingSegments: number;
  readonly pendingDays: number;
  /** For how long something has waited to be loaded, ms; 0 = nothing waits. */
  readonly applyLagMs: number;
  readonly loadedRows: number;
  readonly failures: number;
}

export function clickhouseMetrics(figures: LoadFigures | undefined): Metric[] {
  return [
    single(
      'vamo_clickhouse_apply_lag_seconds',
      'gauge',
      'For how long something committed has waited to be loaded',
      figures && figures.applyLagMs / 1000,
    ),
    single(
      'vamo_clickhouse_pending_segments',
      'gauge',
      'Committed segments of open days that are not loaded',
      figures?.pendingSegments,
    ),
    single(
      'vamo_clickhouse_pending_days',
      'gauge',
      'Sealed days whose newest generation is not loaded',
      figures?.pendingDays,
    ),
    single(
      'vamo_clickhouse_loaded_rows_total',
      'counter',
      'Rows loaded, of segments and of sealed days',
      figures?.loadedRows,
    ),
    single(
      'vamo_clickhouse_failures_total',
      'counter',
      'Rounds of loading that failed and are repeated',
      figures?.failures,
    ),
  ];
}
