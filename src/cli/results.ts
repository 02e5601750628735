import type { CampaignResult, EvaluationDocument } from '../contracts/index.ts';
import { bootstrapMean } from '../core/index.ts';
import { returnsByTask, taskRatios } from '../eval/index.ts';
import { formatTable } from './table.ts';

/** `champion` where training went out from one, else `initial`. */
const ORDER = [
  'candidate',
  'champion',
  'initial',
  'logged',
  'pid',
  'bangbang',
  'yesterday',
  'hindsight',
];

function results(document: EvaluationDocument, policy: string): readonly CampaignResult[] {
  return document.policies[policy] ?? [];
}

/** Each campaign's return as a share of the best constant's in hindsight, R/R*. */
function shares(document: EvaluationDocument, policy: string): number[] {
  const best = new Map(results(document, 'hindsight').map((r) => [r.campaignId, r.return]));
  return results(document, policy)
    .filter((r) => (best.get(r.campaignId) ?? 0) > 0)
    .map((r) => r.return / (best.get(r.campaignId) ?? 1));
}

/** Mean return a campaign per task, and the mean of R/R*, policy by policy. */
export function returnsTable(document: EvaluationDocument): string {
  const names = Object.keys(document.policies);
  const ordered = [
    ...ORDER.filter((n) => names.includes(n)),
    ...names.filter((n) => !ORDER.includes(n)),
  ];
  const tasks = Object.keys(returnsByTask(results(document, ordered[0] ?? '')));
  return formatTable(
    ['policy', ...tasks.map((t) => `${t} return`), 'R/R*', '95 % interval'],
    ordered.map((name) => {
      const means = returnsByTask(results(document, name));
      const { mean, low, high } = bootstrapMean(shares(document, name));
      return [
        name,
        ...tasks.map((t) => (means[t] ?? 0).toFixed(2)),
        mean.toFixed(3),
        `[${low.toFixed(3)}, ${high.toFixed(3)}]`,
      ];
    }),
  )
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

/** The paired gain of one policy over another in R/R*, with its interval. */
function pairedGain(document: EvaluationDocument, policy: string, over: string) {
  const a = shares(document, policy);
  const b = shares(document, over);
  return bootstrapMean(a.map((x, i) => x - (b[i] ?? 0)));
}

/** Did it learn: the candidate against what it went out from, the logged mix and feedback, paired by campaign. */
export function describeLearning(document: EvaluationDocument): string {
  const against = (name: string): string => {
    const { mean, low, high } = pairedGain(document, 'candidate', name);
    const sign = mean >= 0 ? '+' : '';
    return `${sign}${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] over ${name}`;
  };
  return ['champion', 'initial', 'logged', 'bangbang']
    .filter((name) => name in document.policies)
    .map(against)
    .join(', ');
}

/** Ratios of summed returns by task, for --json. */
export function ratiosTo(document: EvaluationDocument, reference: string) {
  return taskRatios(results(document, 'candidate'), results(document, reference));
}
