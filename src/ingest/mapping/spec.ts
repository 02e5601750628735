import { z } from 'zod';
import { EVENT_KINDS, findProblems, tellProblem } from '../../contracts/index.ts';
import { VamoError } from '../../core/index.ts';

const names = z.array(z.string().min(1)).min(1);

/** Cells of a line, parted by one character. */
const separated = z.strictObject({
  kind: z.literal('separated'),
  separator: z.string().length(1, 'must be one character'),
  /** Around cells that hold the separator; doubled inside. null = cells are never quoted. */
  quote: z.string().length(1, 'must be one character or null').nullable(),
  /** Names of the columns from left to right. A line that repeats them is a header, and left out. */
  columns: names,
  /** Numbers of cells a line may have; columns that a line does not reach are null. Default: all. */
  widths: z.array(z.int().min(1)).min(1).optional(),
  /** Cells that stand for "no value". */
  nulls: z.array(z.string()),
});

/** One JSON object a line; a column is the path of a member (`user.id`). */
const json = z.strictObject({ kind: z.literal('json') });

const event = z.strictObject({
  kind: z.enum(EVENT_KINDS),
  /** A condition: lines for which it does not hold give no such event. */
  when: z.unknown().optional(),
  /** Many lines give the same event (a campaign's budget of a day): it is stored once an offset range. */
  once: z.boolean().optional(),
  /** An expression for each field of the event. */
  fields: z.record(z.string(), z.unknown()),
});

const mappingSpec = z.strictObject({
  schema: z.literal('mapping/v1'),
  about: z.string().optional(),
  format: z.discriminatedUnion('kind', [separated, json]),
  /** When the line's events happened, unless an event has an `event_time` of its own. */
  time: z.unknown(),
  /** When the line arrived. Left out: as the source says, else with the event itself. */
  arrival: z.unknown().optional(),
  /** Lines for which a condition does not hold are filtered, counted under the rule's name. */
  filters: z.array(z.strictObject({ name: z.string().min(1), keep: z.unknown() })).optional(),
  events: z.array(event).min(1),
});

/** How the lines of a foreign log become events (docs/mapping.md). Expressions are not checked yet. */
export type MappingSpec = z.infer<typeof mappingSpec>;
export type LineFormat = MappingSpec['format'];

/** A mapping that cannot be used: where, what is there, what must be. */
export function mappingError(path: string, value: unknown, must: string): VamoError {
  return new VamoError('MAPPING_INVALID', tellProblem({ field: path, value, must }), {
    details: { field: path, value },
  });
}

/** @throws VamoError MAPPING_INVALID naming the first key that is wrong */
export function parseMapping(json: unknown): MappingSpec {
  const found = findProblems(mappingSpec, json);
  if (found.problems === undefined) return found.data;
  const [{ field, value, must } = { field: '', value: json, must: '' }] = found.problems;
  throw mappingError(field || 'mapping', value, must);
}
