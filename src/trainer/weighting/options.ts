import { z } from 'zod';
import { nearestFirst, VamoError } from '../../core/index.ts';
import { commonOptions } from './common-schema.ts';

/**
 * Parses a method's options.
 * @throws VamoError WEIGHTING_INVALID naming the method, the option, its value and what is allowed.
 */
export function parseOptions<T extends z.ZodType>(
  method: string,
  schema: T,
  options: Readonly<Record<string, unknown>>,
): z.output<T> {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'unrecognized_keys') throw noSuchOption(method, issue.keys, namesOf(schema));
  const option = String(issue?.path[0] ?? 'options');
  const value = option in options ? printed(options[option]) : 'missing';
  throw invalid(`${method}.${option}: ${value}; ${issue?.message ?? 'not valid'}`);
}

const namesOf = (schema: z.ZodType): string[] =>
  schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];

/** @param own names of the method's own options; those of every method go as well */
export function noSuchOption(
  method: string,
  unknown: readonly string[],
  own: readonly string[],
): VamoError {
  const known = nearestFirst(unknown[0] ?? '', [...own, ...Object.keys(commonOptions.shape)]);
  return invalid(
    `${method}: ${unknown.join(', ')}: no such option; must be one of ${known.join(', ')}`,
  );
}

/** A value as a message shows it: JSON, but NaN and infinities by name. */
export function printed(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`;
  return JSON.stringify(value);
}

/** One number a task, in a state. */
export const perTask = (tasks: number) => z.array(z.number()).length(tasks);

/** A saved state, checked. @throws VamoError WEIGHTING_INVALID naming method, place and problem. */
export function parseState<T extends z.ZodType>(
  method: string,
  schema: T,
  state: unknown,
): z.output<T> {
  const parsed = schema.safeParse(state);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.map(String).join('.') ?? '';
  throw invalid(`${method} state: ${where}: ${issue?.message ?? 'not valid'}`);
}

/** The numbers of an input, checked: there, K of them (or K x K), all finite. */
export function requireNumbers(
  name: string,
  values: Float64Array | undefined,
  length: number,
): Float64Array {
  if (values?.length !== length)
    throw invalid(`${name}: ${values?.length ?? 'no'} numbers; must be ${length}`);
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) throw invalid(`${name}[${bad}]: ${values[bad] ?? Number.NaN}; must be finite`);
  return values;
}

/** A WEIGHTING_INVALID error; its mend is the code's own unless another is given. */
export const invalid = (
  message: string,
  options: ConstructorParameters<typeof VamoError>[2] = {},
): VamoError => new VamoError('WEIGHTING_INVALID', message, options);

/** What an error of any kind says. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
