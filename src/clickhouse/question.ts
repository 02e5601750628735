import { VamoError } from '../core/index.ts';
import type { Engine } from './engine.ts';
import { whyNotReadOnly } from './read-only.ts';

/** Rows of a person's question. Integers beyond 2^53 stay text, digit by digit. */
export type Answer = readonly Readonly<Record<string, unknown>>[];

/**
 * Asks the engine a question that can change nothing: tables, files and settings stay as they are
 * whatever is asked.
 * @throws VamoError SQL_FAILED for wrong SQL, for one that writes, for several statements
 */
export async function askReadOnly(engine: Engine, sql: string): Promise<Answer> {
  const reason = whyNotReadOnly(sql);
  if (reason !== undefined)
    throw new VamoError('SQL_FAILED', reason, {
      mend: 'Ask one SELECT at a time, of tables only; SHOW, DESCRIBE, EXPLAIN and EXISTS are taken too.',
    });
  const { meta, data } = await engine.ask(sql);
  const whole = new Set(meta.filter(({ type }) => /^U?Int64$/.test(type)).map(({ name }) => name));
  return data.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, whole.has(name) ? exact(value) : value]),
    ),
  );
}

function exact(value: unknown): unknown {
  const number = Number(value);
  return typeof value === 'string' && Number.isSafeInteger(number) ? number : value;
}
