import { type Interval, mean, quantile, seededRandom } from '../../src/core/index.ts';
import type { Efficiencies } from './trial.ts';

/** One form of the planner in one world. */
export interface WorldResult {
  readonly scenario: string;
  readonly seed: number;
  readonly form: string;
  readonly efficiencies: Efficiencies;
}

const ROUNDS = 2000;

/**
 * Mean over all campaigns of all worlds with a 95 % bootstrap interval in two stages: worlds are
 * drawn, then campaigns within each, since campaigns of one world share its days.
 */
function twoStage(worlds: readonly (readonly number[])[]): Interval {
  const random = seededRandom(1, 0xb007);
  const draws = Float64Array.from({ length: ROUNDS }, () => {
    let [total, campaigns] = [0, 0];
    for (let w = 0; w < worlds.length; w++) {
      const own = worlds[random.below(worlds.length)] ?? [];
      for (let i = 0; i < own.length; i++) total += own[random.below(own.length)] ?? 0;
      campaigns += own.length;
    }
    return total / campaigns;
  });
  return { mean: mean(worlds.flat()), low: quantile(draws, 0.025), high: quantile(draws, 0.975) };
}

const digits = (x: number): string => x.toFixed(3);
const withInterval = ({ mean: m, low, high }: Interval): string =>
  `${digits(m)} [${digits(low)}, ${digits(high)}]`;

function row(name: string, worlds: readonly (readonly number[])[]): string {
  const each = worlds.map((own) => digits(mean(own)));
  return `| ${[name, withInterval(twoStage(worlds)), ...each].join(' | ')} |`;
}

/** What does not depend on the planner. */
const ANCHORS = ['logged', 'pid', 'bangbang', 'yesterday', 'hindsight'];
const ASKED = ['y=0', 'y=0.5', 'y=1'];
const OVER = ['bangbang', 'initial', 'logged', 'yesterday'];

/** Markdown: R/R* of every policy and the candidate's paired gains, over all worlds and in each. */
export function worldTable(results: readonly WorldResult[]): string {
  const forms = [...new Set(results.map(({ form }) => form))];
  const seeds = [...new Set(results.map(({ seed }) => seed))];
  const of = (form: string, policy: string): (readonly number[])[] =>
    results.filter((r) => r.form === form).map((r) => r.efficiencies[policy] ?? []);
  const gains = (form: string, over: string): number[][] => {
    const against = of(form, over);
    return of(form, 'candidate').map((own, w) => own.map((e, i) => e - (against[w]?.[i] ?? 0)));
  };
  const head = ['policy', 'R/R*', ...seeds.map((seed) => `world ${seed}`)];
  return [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...ANCHORS.map((policy) => row(policy, of(forms[0] ?? '', policy))),
    ...forms.flatMap((form) => [
      row(`**${form}**`, of(form, 'candidate')),
      row('untrained', of(form, 'initial')),
      ...ASKED.map((policy) => row(policy, of(form, policy))),
      ...OVER.map((over) => row(`gain over ${over}`, gains(form, over))),
    ]),
  ].join('\n');
}
