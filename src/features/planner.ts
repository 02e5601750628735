import { STEPS, VamoError } from '../core/index.ts';
import {
  type CampaignSteps,
  type GraphRunner,
  type GraphTensor,
  type Normaliser,
  STATE_FEATURES,
  TEMPORAL_INPUT,
} from '../contracts/index.ts';
import { normaliseStates, stateMatrix } from './states.ts';

/** A campaign's day so far and the step to act in. */
export interface PlanRequest {
  readonly task: string;
  /** Rows before `step` filled; at `step` budget and remaining. */
  readonly steps: CampaignSteps;
  /** 0..95 */
  readonly step: number;
  /** The day it is asked for, where that matters (a temporal module). */
  readonly day?: string;
}

export interface Planner {
  /**
   * Alpha per request, currency per unit of reward, always finite and inside the task's limits.
   * @param askedReturn the label y to plan for; each task's own y* by default
   * @throws VamoError BIDDER_REQUEST naming a task the model does not know or a step outside 0..95
   */
  alphas(requests: readonly PlanRequest[], askedReturn?: number): Promise<Float64Array>;
  /** Answers so far that were the task's mean alpha because the graph gave no finite number. */
  readonly fallbacks: number;
}

/** A runner that is given one day's z besides; without a table the runner as it is. */
export function withTable(runner: GraphRunner, table: GraphTensor | null): GraphRunner {
  return table === null ? runner : (inputs) => runner({ ...inputs, [TEMPORAL_INPUT]: table });
}

type TaskScale = Normaliser['tasks'][number];

/**
 * From a published graph to alphas, the same code in evaluation and in bidders: states of the day so
 * far, rows after the step zero, padded to the graph's static batch; ln alpha = mean_k + sd_k x
 * logAlpha[row, step].
 */
export function createPlanner(
  normaliser: Normaliser,
  runner: GraphRunner,
  options: { readonly batch: number },
): Planner {
  const { batch } = options;
  const tasks = normaliser.tasks;
  const rowSize = STEPS * STATE_FEATURES;
  let fallbacks = 0;

  function scaleOf(request: PlanRequest): TaskScale {
    const scale = tasks.find((t) => t.id === request.task);
    if (scale === undefined)
      throw new VamoError(
        'BIDDER_REQUEST',
        `task: "${request.task}"; the model knows ${tasks.map((t) => t.id).join(', ')}`,
      );
    if (!Number.isInteger(request.step) || request.step < 0 || request.step >= STEPS)
      throw new VamoError('BIDDER_REQUEST', `step: ${request.step}; must be 0 to ${STEPS - 1}`);
    return scale;
  }

  /** Normalised rows up to the step to act in; the graph's later rows stay zero. */
  function statesOf(request: PlanRequest, scale: TaskScale): Float32Array {
    const from = { trafficShare: normaliser.trafficShare, unitPrice: scale.unitPrice };
    const raw = stateMatrix(request.steps, from, request.step);
    return normaliseStates(raw.subarray(0, (request.step + 1) * STATE_FEATURES), normaliser);
  }

  function toAlpha(logAlpha: number | undefined, scale: TaskScale): number {
    let alpha = Math.exp(scale.logAlphaMean + scale.logAlphaSd * (logAlpha ?? Number.NaN));
    if (!Number.isFinite(alpha)) {
      fallbacks++;
      alpha = Math.exp(scale.logAlphaMean);
    }
    return Math.min(scale.alphaHigh, Math.max(scale.alphaLow, alpha));
  }

  return {
    async alphas(requests, askedReturn) {
      const scales = requests.map(scaleOf);
      const alphas = new Float64Array(requests.length);
      for (let from = 0; from < requests.length; from += batch) {
        const states = new Float32Array(batch * rowSize);
        const label = new Float32Array(batch);
        const task = new Float32Array(batch * tasks.length);
        const chunk = requests.slice(from, from + batch).map((request, row) => {
          const scale = scales[from + row] ?? scaleOf(request);
          states.set(statesOf(request, scale), row * rowSize);
          label[row] = askedReturn ?? scale.askedReturn;
          task[row * tasks.length + tasks.indexOf(scale)] = 1;
          return { request, scale };
        });
        const { data } = await runner({
          states: { shape: [batch, STEPS, STATE_FEATURES], data: states },
          label: { shape: [batch, 1], data: label },
          task: { shape: [batch, tasks.length], data: task },
        });
        chunk.forEach(({ request, scale }, row) => {
          alphas[from + row] = toAlpha(data[row * STEPS + request.step], scale);
        });
      }
      return alphas;
    },
    get fallbacks() {
      return fallbacks;
    },
  };
}
