import * as tf from '@tensorflow/tfjs-core';
import {
  encode,
  type ParameterTensors,
  presentStates,
  rowsOfTable,
  sliceRows,
  taskLoss,
  temporalTable,
} from '../../model/index.ts';
import type { Batch, StepDesign } from './tensors.ts';

/** Offset of each task's first row. */
function starts(counts: readonly number[]): number[] {
  let at = 0;
  return counts.map((count) => {
    at += count;
    return at - count;
  });
}

/** z of every row, [B, T, hidden]: computed once a day, then picked; null without a temporal module. */
function contextRows(
  { settings, io }: StepDesign,
  p: ParameterTensors,
  { day, market, table: known }: Batch,
): tf.Tensor | null {
  const table = known ?? (market ? temporalTable(settings, io, p, market) : null);
  return table && day ? rowsOfTable(table, day) : null;
}

const part = (x: tf.Tensor, from: number, count: number): tf.Tensor =>
  tf.slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);

/** K losses of a batch that is encoded in one piece; a task without rows has loss 0. */
export function batchLosses(design: StepDesign, p: ParameterTensors, batch: Batch): tf.Tensor[] {
  const { settings, counts } = design;
  const context = contextRows(design, p, batch);
  const hidden = encode(settings, p, presentStates(settings, batch.states), context);
  return starts(counts).map((from, k) => {
    const count = counts[k] ?? 0;
    if (count === 0) return tf.scalar(0);
    return taskLoss(settings, p, k, part(hidden, from, count), sliceRows(batch, from, count));
  });
}

/** Task k's loss alone, from its own rows: they pass the encoder by themselves. */
export function ownLoss(
  design: StepDesign,
  p: ParameterTensors,
  batch: Batch,
  k: number,
): tf.Tensor {
  const { settings, counts } = design;
  const from = starts(counts)[k] ?? 0;
  const count = counts[k] ?? 0;
  const rows = sliceRows(batch, from, count);
  const context = contextRows(design, p, { ...batch, day: rows.day });
  return taskLoss(
    settings,
    p,
    k,
    encode(settings, p, presentStates(settings, rows.states), context),
    rows,
  );
}
