import type {
  CampaignResult,
  EvaluationDocument,
  GateDecision,
  ReleaseRecord,
} from '../contracts/index.ts';
import { quantile, seededRandom } from '../core/index.ts';

/** Least shares of the reference's return, per task. */
export interface GateThresholds {
  readonly floorVersusBangBang: number;
  readonly ratioVersusChampion: number;
}

interface Ratio {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const ROUNDS = 2000;
const CANDIDATE = 'candidate';
const ANCHOR = 'bangbang';

/**
 * Decides whether a candidate may become champion, from what both earned on the same sealed day.
 * Without a champion: a safety floor, a share of bang-bang's return. With one: per task the paired
 * ratio of returns, with a bootstrap interval over campaigns; pass when every ratio reaches the
 * threshold, fail when an interval lies below it or safety is broken, hold otherwise. Missing or
 * unlike data hold; they never pass. Tasks that the champion does not know are held to safety alone,
 * and named; without one that both know the gate holds.
 */
export function decideGate(
  candidate: EvaluationDocument,
  champion: EvaluationDocument | null,
  thresholds: GateThresholds,
  options: { readonly seed: number },
): GateDecision {
  const played = candidate.policies[CANDIDATE] ?? [];
  const unsafe = safetyBreaches(played);
  if (unsafe.length > 0) return decision('fail', unsafe, {});
  const unknown = new Set(champion?.unknownTasks);
  const own = played.filter(({ task }) => !unknown.has(task));
  const left = leftOut(played, unknown, champion?.subject ?? '');
  const reference = champion === null ? candidate.policies[ANCHOR] : champion.policies[CANDIDATE];
  const unlike = incomparable(candidate, champion, own, reference ?? []);
  if (unlike.length > 0) return decision('hold', [...unlike, ...left], {});
  const name = champion === null ? ANCHOR : `champion ${champion.subject}`;
  const threshold =
    champion === null ? thresholds.floorVersusBangBang : thresholds.ratioVersusChampion;
  const decided = byTask(own, reference ?? [], { name, threshold, seed: options.seed });
  return { ...decided, reasons: [...decided.reasons, ...left] };
}

/** A sentence for each task of the candidate that the champion does not know. */
function leftOut(
  played: readonly CampaignResult[],
  unknown: ReadonlySet<string>,
  champion: string,
): string[] {
  const tasks = new Set(played.map(({ task }) => task).filter((task) => unknown.has(task)));
  return [...tasks].map(
    (task) => `${task}: champion ${champion} does not know it, left out of the comparison`,
  );
}

/** The verdict when there is nothing to compare with: a person must look. */
export function holdGate(reason: string): GateDecision {
  return decision('hold', [reason], {});
}

/**
 * The verdict on a version that was rolled back: whatever it earned on a past day, a night that is
 * repeated does not undo what a person decided.
 * @param rollback the record that went away from it, as `rolledAwayFrom` gives it
 */
export function holdRolledBack(
  decided: GateDecision,
  version: string,
  { epoch, actor, reason }: Pick<ReleaseRecord, 'epoch' | 'actor' | 'reason'>,
): GateDecision {
  const said =
    `${version} was rolled back by epoch ${String(epoch)} (${actor}: "${reason}"); ` +
    `\`vamo rollback --to ${version}\` or \`vamo publish --override\` releases it again`;
  const outcome = decided.outcome === 'pass' ? 'hold' : decided.outcome;
  return { ...decided, outcome, reasons: [...decided.reasons, said] };
}

/** A person's decision to publish all the same; it is signed with the release. */
export function overrideGate(decided: GateDecision, actor: string, reason: string): GateDecision {
  return { ...decided, overridden: { actor, reason } };
}

function decision(
  outcome: GateDecision['outcome'],
  reasons: string[],
  tasks: GateDecision['tasks'],
): GateDecision {
  return { outcome, reasons, tasks, overridden: null };
}

function safetyBreaches(results: readonly CampaignResult[]): string[] {
  return results.flatMap((r) => {
    if (![r.return, r.cost, r.budget].every(Number.isFinite))
      return [`${r.campaignId}: return ${r.return}, cost ${r.cost} are not finite`];
    return r.cost > r.budget ? [`${r.campaignId}: cost ${r.cost} over budget ${r.budget}`] : [];
  });
}

/** Why two sets of results cannot be paired; empty when they can. */
function incomparable(
  candidate: EvaluationDocument,
  champion: EvaluationDocument | null,
  own: readonly CampaignResult[],
  reference: readonly CampaignResult[],
): string[] {
  if (own.length === 0) return ['the candidate has no results to compare'];
  if (champion !== null && champion.day !== candidate.day)
    return [`the champion was evaluated on ${champion.day}, the candidate on ${candidate.day}`];
  if (champion !== null && champion.partitionDigest !== candidate.partitionDigest)
    return [`the two evaluations of ${candidate.day} read different partitions`];
  const name = ({ campaignId, task }: CampaignResult): string => `${campaignId} (${task})`;
  const others = new Set(reference.map(name));
  const missing = own.filter((r) => !others.has(name(r)));
  if (missing.length > 0 || others.size !== own.length || reference.length !== own.length)
    return [
      `campaigns differ: ${own.length} of the candidate, ${reference.length} of the reference` +
        (missing[0] === undefined ? '' : `; ${name(missing[0])} is in the first only`),
    ];
  const broken = reference.find((r) => !Number.isFinite(r.return));
  return broken === undefined ? [] : [`${name(broken)}: the reference's return is not finite`];
}

function byTask(
  own: readonly CampaignResult[],
  reference: readonly CampaignResult[],
  rule: { readonly name: string; readonly threshold: number; readonly seed: number },
): GateDecision {
  const returns = new Map(reference.map((r) => [r.campaignId, r.return]));
  const tasks: Record<string, GateDecision['tasks'][string]> = {};
  const reasons: string[] = [];
  let outcome: GateDecision['outcome'] = 'pass';
  for (const task of new Set(own.map((r) => r.task))) {
    const pairs = own
      .filter((r) => r.task === task)
      .map((r) => [r.return, returns.get(r.campaignId) ?? 0] as const);
    const ratio = pairedRatio(pairs, rule.seed);
    if (ratio === null) {
      reasons.push(`${task}: ${rule.name} earned nothing, there is no ratio`);
      if (outcome === 'pass') outcome = 'hold';
      continue;
    }
    tasks[task] = { reference: rule.name, ratio };
    const verdict = verdictOf(ratio, rule.threshold);
    reasons.push(sentence(task, ratio, rule, verdict));
    if (verdict === 'fail' || (verdict === 'hold' && outcome === 'pass')) outcome = verdict;
  }
  return decision(outcome, reasons, tasks);
}

function verdictOf(ratio: Ratio, threshold: number): GateDecision['outcome'] {
  if (ratio.mean >= threshold) return 'pass';
  return ratio.high < threshold ? 'fail' : 'hold';
}

function sentence(
  task: string,
  { mean, low, high }: Ratio,
  { name, threshold }: { readonly name: string; readonly threshold: number },
  verdict: GateDecision['outcome'],
): string {
  const figures = `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] of ${name}`;
  if (verdict === 'pass') return `${task}: ${figures}, at least ${threshold}`;
  return verdict === 'fail'
    ? `${task}: ${figures}, the whole interval is below ${threshold}`
    : `${task}: ${figures}, below ${threshold} but not clearly`;
}

/** Sum over sum, campaigns drawn in pairs; null when the reference's sum is not positive. */
function pairedRatio(pairs: readonly (readonly [number, number])[], seed: number): Ratio | null {
  const ratioOf = (draw: (i: number) => number): number => {
    let top = 0;
    let bottom = 0;
    for (let i = 0; i < pairs.length; i++) {
      const [a, b] = pairs[draw(i)] ?? [0, 0];
      top += a;
      bottom += b;
    }
    return bottom > 0 ? top / bottom : Number.NaN;
  };
  const mean = ratioOf((i) => i);
  if (!Number.isFinite(mean)) return null;
  const random = seededRandom(seed, 0x6a7e);
  const drawn = Float64Array.from({ length: ROUNDS }, () =>
    ratioOf(() => random.below(pairs.length)),
  );
  const finite = drawn.filter(Number.isFinite);
  return { mean, low: quantile(finite, 0.025), high: quantile(finite, 0.975) };
}
