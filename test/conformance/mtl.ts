import { isVamoError } from '../../src/core/index.ts';
import { type CaseResult, runCase } from './case-result.ts';
import { difference, notFinite, type Tolerance } from './compare.ts';
import type { MtlHyper, MtlInput, MtlMethod } from './mtl-inputs.ts';
import { METHODS } from './mtl-methods.ts';

export interface MtlCase {
  readonly id: string;
  readonly method: string;
  readonly variant?: string;
  readonly K: number;
  readonly hyper: MtlHyper;
  readonly input?: MtlInput;
  readonly steps: readonly {
    readonly in: MtlInput;
    readonly out: Record<string, unknown> | null;
  }[];
  readonly check: string;
  readonly compare?: readonly string[];
  readonly tol: Tolerance;
}

/** Sums of terms about 1 that may all but cancel; of such a sum float64 knows no more than this. */
const CANCELLING: readonly string[] = ['entropy', 'objective'];
const ROUNDING = 1e-16;

function checkValues(method: MtlMethod, c: MtlCase): string | undefined {
  const step = method(c.K, c.hyper, c.variant ?? '');
  for (const [i, { in: input, out }] of c.steps.entries()) {
    const actual = step({ ...c.input, ...input });
    if (out === null) return `steps.${i}.out: null, but check is values`;
    const fields = c.compare ?? Object.keys(out);
    if (fields.length === 0) return `steps.${i}: nothing to compare`;
    for (const field of fields) {
      const floor = CANCELLING.includes(field) ? ROUNDING : 0;
      const found = difference(actual[field], out[field], c.tol, `steps.${i}.${field}`, floor);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function checkFinite(method: MtlMethod, c: MtlCase): string | undefined {
  const step = method(c.K, c.hyper, c.variant ?? '');
  for (const [i, { in: input }] of c.steps.entries()) {
    const found = notFinite(step({ ...c.input, ...input }), `steps.${i}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkFiniteOrError(method: MtlMethod, c: MtlCase): string | undefined {
  try {
    return checkFinite(method, c);
  } catch (error) {
    if (isVamoError(error)) return undefined;
    throw error;
  }
}

const CHECKS: Readonly<Record<string, (method: MtlMethod, c: MtlCase) => string | undefined>> = {
  values: checkValues,
  finite: checkFinite,
  'finite-or-error': checkFiniteOrError,
};

/** Hyperparameters that remember which of them were read. */
function watched(hyper: MtlHyper): { readonly hyper: MtlHyper; readonly unread: () => string[] } {
  const read = new Set<PropertyKey>();
  return {
    hyper: new Proxy(hyper, {
      get(of, name) {
        read.add(name);
        return of[String(name)];
      },
    }),
    unread: () => Object.keys(hyper).filter((name) => !read.has(name)),
  };
}

/** Runs one case. A hyperparameter that the method's runner never asks for fails it. */
export function runMtlCase(c: MtlCase): CaseResult {
  const [method, check] = [METHODS[c.method], CHECKS[c.check]];
  return runCase(c.id, c.method, () => {
    if (method === undefined) return `unknown method "${c.method}"`;
    if (check === undefined) return `unknown check "${c.check}"`;
    const { hyper, unread } = watched(c.hyper);
    const found = check(method, { ...c, hyper });
    if (found !== undefined) return found;
    const unknown = unread();
    return unknown.length > 0 ? `hyper: not read: ${unknown.join(', ')}` : undefined;
  });
}

/** Runs a file of the form `mtl-golden/1`. */
export function runMtlCases(file: { readonly cases: readonly MtlCase[] }): CaseResult[] {
  return file.cases.map(runMtlCase);
}
