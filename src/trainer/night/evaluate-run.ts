import type { EvaluationDocument, PinnedDay } from '../../contracts/index.ts';
import type { Progress } from '../../core/index.ts';
import {
  anchorPolicies,
  createReplayMarket,
  evaluate,
  plannerPolicy,
  type ReplayRules,
} from '../../eval/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { ExportOptions } from '../candidate/export.ts';
import { compilePlanner } from '../candidate/planner.ts';
import type { TrainResult } from '../loop/train.ts';
import { SPLITS } from '../run-record.ts';
import type { Parent } from './learn.ts';
import type { TrainingDay } from './training-day.ts';

/** Labels asked for beside the default: returns must rise with them if conditioning works. */
const ASKED = [0, 0.5, 1] as const;

/** Final losses by split and task, as evaluation documents carry them. */
function finalLosses({ record }: TrainResult): EvaluationDocument['losses'] {
  const last = record.evaluations.at(-1);
  return Object.fromEntries(
    SPLITS.map((split) => [
      split,
      Object.fromEntries(record.tasks.map((id, k) => [id, last?.losses[split][k] ?? 0])),
    ]),
  );
}

/**
 * By replay of the test day: the candidate, what it went out from and the anchors. Fine-tuned from a
 * champion, that is `champion`, with the scales and asked returns it serves with; else `initial`, the
 * untrained weights.
 */
export async function evaluateRun(inputs: {
  readonly subject: string;
  readonly result: TrainResult;
  readonly exported: ExportOptions;
  /** The champion; null where training began from new weights. */
  readonly champion: Pick<Parent, 'normaliser' | 'settings'> | null;
  readonly days: { readonly yesterday: TrainingDay; readonly test: TrainingDay };
  /** The market before the test day; null without a temporal module. */
  readonly market: HostTensor | null;
  readonly pinned: Pick<PinnedDay, 'digest'>;
  readonly rules: ReplayRules;
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}): Promise<EvaluationDocument> {
  const { result, exported, champion, days, rules, threads, signal, progress } = inputs;
  const { normaliser } = exported;
  const plannerOf = (own: Partial<ExportOptions>) =>
    compilePlanner({ ...exported, ...own }, inputs.market, threads);
  const candidate = await plannerOf({ models: result.models });
  const before = await plannerOf({
    models: result.initial,
    ...(champion && { normaliser: champion.normaliser, settings: champion.settings }),
  });
  const [yesterday, test] = [await days.yesterday.replay(), await days.test.replay()];
  const { tasks } = rules;
  // What the candidate is asked for anyway need not be played twice.
  const usual = ASKED.find((y) => normaliser.tasks.every(({ askedReturn }) => askedReturn === y));
  const asked = ASKED.filter((y) => y !== usual);
  try {
    const document = await evaluate({
      subject: inputs.subject,
      day: days.test.day,
      partitionDigest: inputs.pinned.digest,
      market: createReplayMarket(test.log, test.steps, rules),
      policies: [
        plannerPolicy('candidate', candidate.planner),
        plannerPolicy(champion ? 'champion' : 'initial', before.planner),
        ...anchorPolicies({
          rules,
          trafficShare: normaliser.trafficShare,
          yesterday,
        }),
        ...asked.map((y) => plannerPolicy(`y=${y}`, candidate.planner, y)),
      ],
      tasks,
      losses: finalLosses(result),
      ...(signal && { signal }),
      ...(progress && { progress }),
    });
    const played = document.policies['candidate'];
    if (usual === undefined || played === undefined) return document;
    return { ...document, policies: { ...document.policies, [`y=${usual}`]: played } };
  } finally {
    await candidate.release();
    await before.release();
  }
}
