import { readFile } from 'node:fs/promises';
import { type CaseResult, skip } from './case-result.ts';
import { type MtlCase, runMtlCases } from './mtl.ts';
import { runAuctionCases } from './auction.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const TEMPORAL_KINDS = new Set(['timesblock', 'inception', 'fft', 'embedding', 'forecast-model']);

function temporalCases(cases: readonly unknown[]): CaseResult[] {
  return cases.map((c, i) => {
    const { name, kind } = isObject(c) ? c : {};
    const id = typeof name === 'string' ? name : `case ${i}`;
    if (typeof kind === 'string' && TEMPORAL_KINDS.has(kind)) return skip(id, kind);
    return { id, group: String(kind), status: 'failed', detail: `unknown kind "${String(kind)}"` };
  });
}

function auctionCases(json: unknown): CaseResult[] {
  const statuses = { pass: 'passed', fail: 'failed', skip: 'skipped' } as const;
  return runAuctionCases(json).map(({ name, status, message }) => ({
    id: name,
    group: name.split('/')[0] ?? name,
    status: statuses[status],
    ...(message !== undefined && { detail: message }),
  }));
}

/** The forms of reference files and who runs them. The first that matches wins. */
function dispatch(json: unknown): readonly CaseResult[] {
  if (isObject(json)) {
    const { format, source, cases, auction, about } = json;
    if (format === 'mtl-golden/1' && Array.isArray(cases))
      return runMtlCases({ cases: cases as MtlCase[] });
    if (source !== undefined && Array.isArray(cases)) return temporalCases(cases);
    if (about !== undefined && auction !== undefined) return auctionCases(json);
    if (about !== undefined && isObject(json['case'])) return [skip('model', 'model')];
  }
  throw new Error('no known form');
}

/** All cases of one file. A file that cannot be read, or holds no case, is one failed case. */
export async function runFile(path: string): Promise<readonly CaseResult[]> {
  try {
    const results = dispatch(JSON.parse(await readFile(path, 'utf8')));
    if (results.length === 0) throw new Error('no cases');
    return results;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ id: path, group: 'file', status: 'failed', detail }];
  }
}
