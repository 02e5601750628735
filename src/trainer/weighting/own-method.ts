import { inspect } from 'node:util';
import { z } from 'zod';
import type { VamoError } from '../../core/index.ts';
import { NEEDS, type WeightingMethod } from './method.ts';
import { invalid, noSuchOption, reasonOf } from './options.ts';

const callable = z.custom<(...args: never[]) => unknown>(
  (x) => typeof x === 'function',
  'must be a function',
);
const isNeed = (x: unknown): boolean => NEEDS.some((need) => need === x);

/** What `create` returns. */
const weighting = z.looseObject({
  needs: z.custom(
    (x) => x instanceof Set && [...x].every(isNeed),
    `must be a Set of ${NEEDS.join(', ')}`,
  ),
  scope: z.enum(['all', 'shared']),
  metric: z.enum(['euclid', 'adam']),
  headPolicy: z.enum(['weighted', 'unweighted']),
  headScale: z.enum(['one', 'mean']),
  validationEvery: z.int().min(1).optional(),
  validationSignal: z.enum(['heldout', 'train']).optional(),
  virtualRate: z.number().positive().optional(),
  neumann: z.object({ rate: z.number(), terms: z.int().min(0) }).optional(),
  positiveLosses: z.boolean().optional(),
  step: callable,
  save: callable,
  load: callable,
  observe: callable.optional(),
  current: callable.optional(),
  heads: callable.optional(),
});

const isFigure = (x: unknown): boolean => [x].flat().every((value) => typeof value === 'number');
const numbers = z.custom((x) => x instanceof Float64Array, 'must be a Float64Array');

/** What `step` returns. */
const output = z.looseObject({
  weights: numbers,
  direction: z
    .custom(
      (x) => x instanceof Float64Array || x instanceof Float32Array,
      'must be a Float32Array or Float64Array',
    )
    .optional(),
  diagnostics: z.record(z.string(), z.custom(isFigure, 'must be a number or an array of them')),
});

/** What `save` returns: JSON would keep another value of anything else. */
const state = z.record(
  z.string(),
  z.custom((x) => z.json().safeParse(x).success, 'must be plain JSON'),
);

const at = (value: unknown, key: PropertyKey): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;

/**
 * A method from a file of the user's own: what its parts return is checked, and what they throw is
 * told with its name and the part's.
 * @throws VamoError WEIGHTING_INVALID from each part, with the error that was thrown as its cause
 */
export function ownMethod(method: WeightingMethod, path: string): WeightingMethod {
  const { name, options: known } = method;
  function call<T>(part: string, work: () => T, mend = `Correct ${path}`): T {
    try {
      return work();
    } catch (error) {
      throw invalid(`${name}: ${part} threw: ${reasonOf(error)}`, {
        mend: `${mend}; --verbose shows where it was thrown.`,
        cause: error,
      });
    }
  }
  const refuse = (part: string, problem: string): VamoError =>
    invalid(`${name}: ${part} returned ${problem}`, {
      mend: `Correct ${path}.`,
      details: { file: path },
    });
  function requireShape(part: string, schema: z.ZodType, value: unknown): void {
    const issue = schema.safeParse(value).error?.issues[0];
    if (!issue) return;
    const found = issue.path.reduce<unknown>(at, value);
    const shown = inspect(found, { breakLength: Infinity, depth: 1, maxArrayLength: 6 });
    const where = issue.path.map(String).join('.');
    throw refuse(part, `${where && `${where}: `}${shown}; ${issue.message}`);
  }
  return {
    ...method,
    create(tasks, options) {
      const unknown = Object.keys(options).filter((option) => known?.includes(option) === false);
      if (known && unknown.length > 0) throw noSuchOption(name, unknown, known);
      const made = call(
        'create',
        () => method.create(tasks, options),
        `Correct the option, or ${path}`,
      );
      requireShape('create', weighting, made);
      const [observe, current, heads] = [
        made.observe?.bind(made),
        made.current?.bind(made),
        made.heads?.bind(made),
      ];
      // A spread leaves out what an instance of a class has from its prototype.
      const { needs, scope, metric, headPolicy, headScale } = made;
      return {
        ...made,
        ...{ needs, scope, metric, headPolicy, headScale },
        step(input) {
          const answer = call('step', () => made.step(input));
          requireShape('step', output, answer);
          if (answer.direction && !made.needs.has('gradients'))
            throw refuse('step', 'a direction; must have "gradients" among its needs');
          return answer;
        },
        save() {
          const saved = call('save', () => made.save());
          requireShape('save', state, saved);
          return saved;
        },
        load: (saved) => call('load', () => made.load(saved)),
        ...(observe && {
          observe: (outcome) => call('observe', () => observe(outcome)),
        }),
        ...(current && { current: () => call('current', current) }),
        ...(heads && { heads: () => call('heads', heads) }),
      };
    },
  };
}
