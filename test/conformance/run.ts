import type { CaseResult } from './case-result.ts';
import { runFile } from './forms.ts';

const STATUSES = ['passed', 'failed', 'skipped'] as const;
type Counts = Record<(typeof STATUSES)[number], number>;

function count(results: readonly CaseResult[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { status } of results) counts[status]++;
  return counts;
}

const summary = (counts: Counts): string => STATUSES.map((s) => `${counts[s]} ${s}`).join(', ');

function table(results: readonly CaseResult[]): string {
  const groups = [...new Set(results.map((r) => r.group))];
  const rows = groups.map((group) => {
    const counts = count(results.filter((r) => r.group === group));
    return [group, ...STATUSES.map((s) => String(counts[s]))];
  });
  return [['', ...STATUSES], ...rows]
    .map(
      ([name = '', ...cells]) => `  ${name.padEnd(16)}${cells.map((c) => c.padStart(9)).join('')}`,
    )
    .join('\n');
}

/** `npm run conformance -- [--json] FILE...`: exit 1 on any failure, 2 without a file. */
async function main(args: readonly string[]): Promise<number> {
  const files = args.filter((a) => a !== '--json');
  if (files.length === 0 || files.some((f) => f.startsWith('--'))) {
    console.error('usage: npm run conformance -- [--json] FILE...');
    return 2;
  }
  const reports = [];
  for (const file of files) {
    const results = await runFile(file);
    reports.push({ file, ...count(results), cases: results });
  }
  if (args.includes('--json')) console.log(JSON.stringify(reports, null, 2));
  else
    for (const { file, cases } of reports) {
      console.log(`${file}: ${summary(count(cases))}\n${table(cases)}`);
      for (const { id, status, detail = '' } of cases)
        if (status === 'failed') console.log(`  failed ${id}: ${detail}`);
    }
  return reports.some((r) => r.failed > 0) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
