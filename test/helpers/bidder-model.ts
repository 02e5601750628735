import protobuf from 'protobufjs';
import type {
  CheckpointManifest,
  EvaluationDocument,
  GoldenRows,
  Lineage,
  Normaliser,
} from '../../src/contracts/index.ts';
import { emptyStepColumns, jsonBytes, STATE_FEATURES } from '../../src/contracts/index.ts';
import type { CampaignSteps } from '../../src/contracts/index.ts';
import { seededRandom, sha256, STEPS } from '../../src/core/index.ts';
import type { CheckpointDraft } from '../../src/publisher/index.ts';

export const TASKS = ['store', 'cart'] as const;
export const IO: CheckpointManifest['io'] = {
  tasks: [...TASKS],
  steps: STEPS,
  features: STATE_FEATURES,
  batch: 4,
  policyHead: 'inverse',
};
const LIMITS: CheckpointManifest['limits'] = {
  alpha: { store: [0.01, 20], cart: [0.01, 20] },
  maxMs: 250,
};

const { root } = protobuf.parse(`
  syntax = "proto3"; package onnx;
  message Opset { string domain = 1; int64 version = 2; }
  message Node { repeated string input = 1; repeated string output = 2; string op_type = 4; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message Dim { int64 dim_value = 1; }
  message Shape { repeated Dim dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message Value { string name = 1; Type type = 2; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5;
    repeated Value input = 11; repeated Value output = 12; }
  message Model { int64 ir_version = 1; Graph graph = 7; repeated Opset opset_import = 8; }
`);

const FLOAT = 1;
const INT64 = 7;
const value = (name: string, shape: readonly number[]) => ({
  name,
  type: { tensorType: { elemType: FLOAT, shape: { dim: shape.map((d) => ({ dimValue: d })) } } },
});
const constant = (name: string, dims: readonly number[], data: Float32Array | BigInt64Array) => ({
  name,
  dims,
  dataType: data instanceof Float32Array ? FLOAT : INT64,
  rawData: new Uint8Array(data.buffer),
});
const node = (opType: string, input: readonly string[], output: string) => ({
  opType,
  input,
  output: [output],
});

/** Weights of the small model: logAlpha[b, t] = tanh(states[b, t] . w + task[b] . v + c label[b]). */
function weights(seed: number): { w: Float32Array; v: Float32Array; c: Float32Array } {
  const random = seededRandom(seed, 0x0de1);
  const draw = (n: number) => Float32Array.from({ length: n }, () => random.normal() * 0.2);
  return { w: draw(STATE_FEATURES), v: draw(TASKS.length), c: draw(1) };
}

/** A real ONNX graph with the face of a published one. */
export function smallGraph(seed: number, io = IO): Uint8Array {
  const { w, v, c } = weights(seed);
  const { batch } = io;
  const model = root.lookupType('onnx.Model');
  return model
    .encode(
      model.fromObject({
        irVersion: 8,
        opsetImport: [{ domain: '', version: 17 }],
        graph: {
          name: 'small',
          node: [
            node('MatMul', ['states', 'w'], 'scores'),
            node('Reshape', ['scores', 'shape'], 'flat'),
            node('MatMul', ['task', 'v'], 'perTask'),
            node('Mul', ['label', 'c'], 'perLabel'),
            node('Add', ['flat', 'perTask'], 'sum1'),
            node('Add', ['sum1', 'perLabel'], 'sum2'),
            node('Tanh', ['sum2'], 'logAlpha'),
          ],
          initializer: [
            constant('w', [STATE_FEATURES, 1], w),
            constant('v', [TASKS.length, 1], v),
            constant('c', [1], c),
            constant('shape', [2], BigInt64Array.of(BigInt(batch), BigInt(STEPS))),
          ],
          input: [
            value('states', [batch, STEPS, STATE_FEATURES]),
            value('label', [batch, 1]),
            value('task', [batch, TASKS.length]),
          ],
          output: [value('logAlpha', [batch, STEPS])],
        },
      }),
    )
    .finish();
}

/** Golden rows worked out here in double precision, not by the runtime that is tested with them. */
export function smallGolden(seed: number): GoldenRows {
  const { w, v, c } = weights(seed);
  const random = seededRandom(seed, 0x601d);
  const rows = IO.batch;
  const states = Array.from({ length: rows * STEPS * STATE_FEATURES }, () =>
    Math.fround(random.normal()),
  );
  const label = Array.from({ length: rows }, () => Math.fround(random.next()));
  const task = Array.from({ length: rows }, (_, b) => TASKS.map((_, k) => (b % 2 === k ? 1 : 0)));
  const logAlpha = Array.from({ length: rows * STEPS }, (_, i) => {
    const b = Math.floor(i / STEPS);
    const from = i * STATE_FEATURES;
    const score = w.reduce((total, weight, s) => total + weight * states[from + s]!, 0);
    const perTask = task[b]!.reduce((total: number, x, k) => total + x * v[k]!, 0);
    return Math.tanh(score + perTask + c[0]! * label[b]!);
  });
  return {
    schema: 'golden/v1',
    inputs: {
      states: { shape: [rows, STEPS, STATE_FEATURES], data: states },
      label: { shape: [rows, 1], data: label },
      task: { shape: [rows, TASKS.length], data: task.flat() },
    },
    outputs: { logAlpha: { shape: [rows, STEPS], data: logAlpha } },
    atol: 1e-5,
    rtol: 1e-4,
  };
}

export const NORMALISER: Normaliser = {
  schema: 'normaliser/v1',
  stateMean: new Array<number>(STATE_FEATURES).fill(0.1),
  stateSd: new Array<number>(STATE_FEATURES).fill(1.5),
  marketMean: [],
  marketSd: [],
  trafficShare: Array.from({ length: STEPS + 1 }, (_, t) => t / STEPS),
  tasks: TASKS.map((id) => ({
    id,
    unitPrice: 1,
    labelLow: 0,
    labelHigh: 1,
    logAlphaMean: 0.2,
    logAlphaSd: 0.8,
    alphaLow: 0.01,
    alphaHigh: 20,
    askedReturn: 0.9,
  })),
};

export const LINEAGE: Lineage = {
  train: [{ day: '2026-01-02', generation: 1, digest: 'd', stepsDigest: 's' }],
  validation: [],
  test: [],
  history: [],
  configHash: sha256('config'),
  seed: 17,
  code: 'test',
  parent: null,
  method: 'vamo',
  steps: 10,
};

/** A whole checkpoint that answers differently for every seed. */
export function smallDraft(seed: number, changes: Partial<CheckpointDraft> = {}): CheckpointDraft {
  return {
    files: {
      graph: smallGraph(seed),
      normaliser: jsonBytes(NORMALISER),
      golden: jsonBytes(smallGolden(seed)),
      weights: new Uint8Array([seed]),
    },
    lineage: { ...LINEAGE, seed },
    io: IO,
    limits: LIMITS,
    testDay: '2026-01-12',
    ...changes,
  };
}

/** A campaign's day with plausible sums, whole integers. */
export function smallCampaign(seed: number, task: string): CampaignSteps {
  const random = seededRandom(seed, 0xca3);
  const columns = emptyStepColumns();
  const budget = 500_000_000;
  let remaining = budget;
  for (let t = 0; t <= STEPS; t++) {
    columns.budget[t] = budget;
    columns.remaining[t] = remaining;
    columns.active[t] = 1;
    if (t === STEPS) break;
    const outcomes = 5 + random.below(20);
    const wins = random.below(outcomes);
    columns.outcomes[t] = outcomes;
    columns.pv[t] = outcomes * 400_000_000;
    columns.bid[t] = outcomes * (200_000 + random.below(400_000));
    columns.wins[t] = wins;
    columns.exposures[t] = wins;
    columns.cost[t] = wins * 150_000;
    columns.lwc[t] = outcomes * 120_000;
    columns.pv_won[t] = wins * 400_000_000;
    remaining -= columns.cost[t]!;
  }
  return { campaignId: `c${seed}`, advertiserId: 'a', task, columns };
}

/** An evaluation document with one return per campaign and policy. */
export function smallEvaluation(
  policies: Readonly<Record<string, readonly number[]>>,
  changes: Partial<EvaluationDocument> = {},
): EvaluationDocument {
  const results = Object.entries(policies).map(([name, returns]) => [
    name,
    returns.map((r, i) => ({
      campaignId: `c${i}`,
      task: TASKS[i % TASKS.length]!,
      return: r,
      realised: null,
      cost: 1,
      budget: 2,
      wins: 1,
    })),
  ]);
  return {
    schema: 'evaluation/v1',
    subject: 'v',
    day: '2026-01-12',
    partitionDigest: 'p',
    policies: Object.fromEntries(results) as EvaluationDocument['policies'],
    losses: {},
    ...changes,
  };
}
