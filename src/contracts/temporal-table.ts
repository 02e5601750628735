import { z } from 'zod';
import type { GraphTensor } from './inference-graph.ts';
import { readJson } from './strict-json.ts';

const MAX_TABLE_BYTES = 64 * 1024 * 1024;

const tensor = z.strictObject({ shape: z.array(z.int()), data: z.array(z.number()) });

/**
 * z of the first day a version serves, ready when the day opens, and the market it was made from: a
 * loader's proof that the temporal graph still gives it.
 */
const temporalTable = z.strictObject({
  schema: z.literal('temporal-table/v1'),
  /** The day that z is for. */
  day: z.string(),
  /** [1, H, channels] standardised market of the days before. */
  market: tensor,
  /** [M, T, hidden] */
  z: tensor,
  atol: z.number(),
  rtol: z.number(),
});

export interface TemporalTable {
  readonly day: string;
  readonly market: GraphTensor;
  readonly z: GraphTensor;
  readonly atol: number;
  readonly rtol: number;
}

const listed = ({ shape, data }: GraphTensor) => ({ shape: [...shape], data: [...data] });

/** The file of a table. Float32 numbers come back from it as they were. */
export function temporalTableFile({
  day,
  market,
  z: table,
  atol,
  rtol,
}: TemporalTable): Uint8Array {
  const content = { day, market: listed(market), z: listed(table), atol, rtol };
  return new TextEncoder().encode(
    `${JSON.stringify({ schema: 'temporal-table/v1', ...content })}\n`,
  );
}

/** @throws VamoError CHECKPOINT_INVALID naming the field */
export function parseTemporalTable(bytes: Uint8Array): TemporalTable {
  const table = readJson(temporalTable, bytes, {
    what: 'table',
    code: 'CHECKPOINT_INVALID',
    maxBytes: MAX_TABLE_BYTES,
  });
  const floats = ({ shape, data }: z.infer<typeof tensor>): GraphTensor => ({
    shape,
    data: Float32Array.from(data),
  });
  return { ...table, market: floats(table.market), z: floats(table.z) };
}
