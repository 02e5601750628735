import { readdirSync, readFileSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runFile } from './forms.ts';
import { type MtlCase, runMtlCase, runMtlCases } from './mtl.ts';
import { METHODS } from './mtl-methods.ts';

const GOLDEN = new URL('../golden/', import.meta.url);
const files = readdirSync(GOLDEN).filter((name) => name.endsWith('.json'));

describe('reference files', () => {
  it.each(files)('%s: no case fails', async (name) => {
    const results = await runFile(new URL(name, GOLDEN).pathname);
    expect(results.filter((r) => r.status === 'failed')).toEqual([]);
  });
});

const mtl = JSON.parse(readFileSync(new URL('golden-mtl.json', GOLDEN), 'utf8')) as {
  readonly cases: MtlCase[];
};
const built = mtl.cases.filter((c) => c.method in METHODS);
const comparable = built.filter((c) => c.check === 'values');

/** Every number that is compared, as a path of keys into `steps`. */
function comparedNumbers(c: MtlCase): (string | number)[][] {
  const found: (string | number)[][] = [];
  const walk = (value: unknown, path: (string | number)[]): void => {
    if (typeof value === 'number') found.push(path);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key]);
  };
  for (const [i, { out }] of c.steps.entries())
    for (const field of c.compare ?? Object.keys(out ?? {})) walk(out?.[field], [i, 'out', field]);
  return found;
}

/** The value at a path of `comparedNumbers`, and the case with another in its place. */
function at(c: MtlCase, path: readonly (string | number)[]) {
  let parent = c.steps as unknown as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) parent = parent[key] as typeof parent;
  const last = path.at(-1)!;
  return {
    value: parent[last] as number,
    replace: (value: number) => (parent[last] = value),
  };
}

/** The case with one expected number moved by 1 %. */
function mutated(c: MtlCase, path: readonly (string | number)[]): MtlCase {
  const copy = structuredClone(c);
  const { value, replace } = at(copy, path);
  replace(1.01 * value);
  return copy;
}

describe('the runner notices a wrong expected number', () => {
  it('covers every method of the file', () => {
    const methods = new Set(mtl.cases.map((c) => c.method));
    expect(new Set(Object.keys(METHODS))).toEqual(methods);
  });

  it.each(comparable.map((c) => [c.id, c] as const))(
    '%s: any number, moved by 1 %%, fails it',
    (_, c) => {
      const paths = comparedNumbers(c);
      expect(paths.length).toBeGreaterThan(0);
      const copy = structuredClone(c);
      for (const path of paths) {
        const { value, replace } = at(copy, path);
        // A hundredth more of nothing is nothing; and of 1 - 1, what float64 makes of it.
        const isRounding = /entropy|objective/.test(String(path[2])) && Math.abs(value) < 1e-14;
        if (value === 0 || isRounding) continue;
        replace(1.01 * value);
        expect(runMtlCase(copy).status, path.join('.')).toBe('failed');
        replace(value);
      }
    },
  );

  it('fails exactly the case that was changed', () => {
    // Round robin over the file: every method is among them.
    for (const [i, c] of built.entries()) {
      if (c.check !== 'values' || i % 7 !== 0) continue;
      const path = comparedNumbers(c).find((p) => at(c, p).value !== 0);
      if (!path) continue;
      const cases = built.with(i, mutated(c, path));
      const failed = runMtlCases({ cases }).filter((r) => r.status === 'failed');
      expect(failed.map((r) => r.id)).toEqual([c.id]);
    }
  });
});

describe('the runner refuses what it does not know', () => {
  const vanilla = built.find((c) => c.method === 'ew')!;

  it('fails an unknown method and an unknown check', () => {
    expect(runMtlCase({ ...vanilla, method: 'nonesuch' }).status).toBe('failed');
    expect(runMtlCase({ ...vanilla, check: 'roughly' }).status).toBe('failed');
  });

  it('fails a hyperparameter that nothing reads', () => {
    for (const name of new Set(mtl.cases.map((c) => c.method))) {
      const c = built.find(({ method, check }) => method === name && check === 'values')!;
      expect(runMtlCase(c).status).toBe('passed');
      const { status, detail } = runMtlCase({ ...c, hyper: { ...c.hyper, nonesuch: 1 } });
      expect([status, detail], name).toEqual(['failed', 'hyper: not read: nonesuch']);
    }
  });

  it('asks for finite numbers where no answer exists, and takes a typed error for bad input', () => {
    const vamo = built.find((c) => c.method === 'vamo')!;
    const withNaN = {
      ...vamo,
      steps: [{ in: { ...vamo.steps[0]!.in, valGrad: [NaN] }, out: null }],
    };
    expect(runMtlCase({ ...withNaN, check: 'finite' }).status).toBe('failed');
    expect(runMtlCase({ ...withNaN, check: 'finite-or-error' }).status).toBe('passed');
    expect(runMtlCase({ ...vamo, check: 'finite' }).status).toBe('passed');
  });

  it.each([
    ['text that is not JSON', '{'],
    ['an unknown form', '{"cases": []}'],
    ['an unknown version of a form', '{"format": "mtl-golden/2", "cases": [{}]}'],
    ['a file without cases', '{"format": "mtl-golden/1", "cases": []}'],
    ['an unknown kind', '{"source": "", "cases": [{"name": "a", "kind": "nonesuch"}]}'],
  ])('fails %s', async (_, text) => {
    const path = join(mkdtempSync(join(tmpdir(), 'conformance-')), 'file.json');
    writeFileSync(path, text);
    expect((await runFile(path)).map((r) => r.status)).toEqual(['failed']);
  });

  it('fails a file that is not there', async () => {
    expect((await runFile('/nonexistent/golden.json')).map((r) => r.status)).toEqual(['failed']);
  });
});
