import type { z } from 'zod';

/** What is wrong in one place of a JSON document that people write. */
export interface Problem {
  /** Its path, `events.0.kind`; '' = the document as a whole. */
  readonly field: string;
  readonly value: unknown;
  /** What is allowed there: `must be at least 1`. */
  readonly must: string;
}

const SHOWN = 80;
/** What is said of a key that there is not. */
export const NO_KEY = 'no such key';

/** A problem in one line: field, value (shortened), what is allowed. */
export function tellProblem({ field, value, must }: Problem): string {
  if (must === NO_KEY) return `${field}: ${NO_KEY}`;
  const json = value === undefined ? 'missing' : JSON.stringify(value);
  const shown = json.length > SHOWN ? `${json.slice(0, SHOWN)}...` : json;
  return `${field}: ${shown}; ${must}`;
}

/** Holds a document against its schema. Messages of the schema itself stand, others are put in words here. */
export function findProblems<T>(
  schema: z.ZodType<T>,
  json: unknown,
): { readonly data: T; readonly problems?: never } | { readonly problems: readonly Problem[] } {
  const parsed = schema.safeParse(json, { error: mustBe });
  if (parsed.success) return { data: parsed.data };
  const problems = parsed.error.issues.flatMap((issue): Problem[] => {
    const { path, message } = issue;
    if (issue.code !== 'unrecognized_keys')
      return [{ field: path.map(String).join('.'), value: valueAt(json, path), must: message }];
    return issue.keys.map((key) => ({
      field: [...path.map(String), key].join('.'),
      value: valueAt(json, [...path, key]),
      must: NO_KEY,
    }));
  });
  return { problems };
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

/** What a size is counted in, by what has it. */
const COUNTED: Readonly<Record<string, string>> = {
  array: ' entries long',
  string: ' characters long',
};

const oneOf = (values: readonly unknown[]): string =>
  `must be ${values.length > 1 ? 'one of ' : ''}${values.map((v) => JSON.stringify(v)).join(', ')}`;

/** What is allowed where an issue is; undefined leaves it to the library's own words. */
function mustBe(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type')
    return issue.expected === 'nonoptional'
      ? 'must be given'
      : `must be ${TYPES[issue.expected] ?? issue.expected}`;
  if (issue.code === 'too_small')
    return `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}${COUNTED[issue.origin] ?? ''}`;
  if (issue.code === 'too_big')
    return `must be ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}${COUNTED[issue.origin] ?? ''}`;
  if (issue.code === 'invalid_value') return oneOf(issue.values);
  if (issue.code === 'invalid_union' && Array.isArray(issue.options)) return oneOf(issue.options);
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`;
  return undefined;
}
