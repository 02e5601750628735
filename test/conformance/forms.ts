import { readFile } from 'node:fs/promises';
import type { CaseResult } from './case-result.ts';
import { type ModelCase, runModelCase } from './model.ts';
import { type MtlCase, runMtlCases } from './mtl.ts';
import { runAuctionCases } from './auction.ts';
import { runTimesnetCase, type TimesnetCase } from './timesnet.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

async function temporalCases(cases: readonly unknown[]): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const c of cases) results.push(await runTimesnetCase(c as TimesnetCase));
  return results;
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
async function dispatch(json: unknown): Promise<readonly CaseResult[]> {
  if (isObject(json)) {
    const { format, source, cases, auction, about } = json;
    if (format === 'mtl-golden/1' && Array.isArray(cases))
      return runMtlCases({ cases: cases as MtlCase[] });
    if (source !== undefined && Array.isArray(cases)) return temporalCases(cases);
    if (about !== undefined && auction !== undefined) return auctionCases(json);
    if (about !== undefined && isObject(json['case']))
      return [await runModelCase(json['case'] as unknown as ModelCase)];
  }
  throw new Error('no known form');
}

/** All cases of one file. A file that cannot be read, or holds no case, is one failed case. */
export async function runFile(path: string): Promise<readonly CaseResult[]> {
  try {
    const results = await dispatch(JSON.parse(await readFile(path, 'utf8')));
    if (results.length === 0) throw new Error('no cases');
    return results;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ id: path, group: 'file', status: 'failed', detail }];
  }
}
