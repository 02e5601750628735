import { z } from 'zod';
import { LATE_POLICIES, REWARD_FIELDS, storeSettings } from '../contracts/index.ts';
import { dayKey, ENGINE_KINDS, MINUTE_MS } from '../core/index.ts';
import { model } from './model-schema.ts';

const positive = z.number().positive();
const count = z.int().min(1);
const share = z.number().min(0).max(1);
/** Cuts of days lie at whole minutes (`marks` of a ledger entry). */
const wholeMinutes = z.int().min(0).multipleOf(MINUTE_MS, 'must be whole minutes, in ms');

/** One kind of campaign; add a task by adding an entry here (to simulate it, in `simulator.tasks` too). */
const task = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, 'must be lower-case letters, digits, _ or -'),
  reward: z.enum(REWARD_FIELDS),
  unitPrice: positive,
});

const days = z.strictObject({
  utcOffsetMinutes: z.int().min(-840).max(840),
  latenessMs: wholeMinutes,
  /** Rows after the cut: kept out for good, taken in by `vamo amend`, or also by the seal itself. */
  late: z.enum(LATE_POLICIES),
  /** `auto`: a day is amended when more than this share of its records, or this many, are late. */
  autoShare: share,
  autoRows: count,
  /** A conversion counts for its outcome up to this long after it; 0 = on the outcome's day only. */
  attributionMs: wholeMinutes,
});

const market = z.strictObject({
  reserve: z.number().min(0),
  minRemaining: z.number().min(0),
});

/** Clocks of hosts may differ by a quarter of an hour, an object store takes no more: half is well above. */
const LEAST_GRACE_MS = 3_600_000;

const ingest = z.strictObject({
  flushRows: count,
  flushMs: count,
  maxBadShare: share,
  /** Memory for rows that are not committed yet, all partitions together. */
  bufferBytes: count.min(1 << 20),
  /** When the source deleted records before they were read. */
  onGap: z.enum(['stop', 'record-gap']),
  /** Time to finish in after SIGTERM. */
  shutdownMs: count,
  /** Files that no ledger names are removed when they are so old; writers commit none half as old. */
  orphanGraceMs: count.min(LEAST_GRACE_MS),
});

/** Where a long-running command serves its metrics; port null = nowhere, 0 = any free port. */
const metrics = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(0).max(65535).nullable(),
});

const clickhouse = z.strictObject({
  /** Where `vamo clickhouse serve` listens; port 0 = any free one. */
  host: z.string().min(1),
  port: z.int().min(0).max(65535),
  /** How often the copy is brought up with ledgers and seals. */
  applyMs: count,
});

const kafka = z.strictObject({
  brokers: z.array(z.string().min(1)).min(1),
  groupId: z.string().min(1),
  sessionTimeoutMs: count,
  /** Most bytes of a fetch, and of one partition in it, as the broker sends them. */
  maxBytes: count,
  maxBytesPerPartition: count,
  /** Files in PEM; null = no encryption. */
  tls: z
    .strictObject({
      caFile: z.string().min(1).nullable().default(null),
      certFile: z.string().min(1).nullable().default(null),
      keyFile: z.string().min(1).nullable().default(null),
    })
    .nullable(),
  /** Name and password come from VAMO_KAFKA_USERNAME and VAMO_KAFKA_PASSWORD. */
  sasl: z
    .strictObject({ mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']) })
    .nullable(),
});

const source = z.strictObject({
  kind: z.enum(['file', 'files', 'kafka']),
  /** Log directory for `file`, relative to the data directory. */
  directory: z.string().min(1),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/, 'must be letters, digits, _ - or . (not first)'),
  partitions: count.max(1024),
  /** Pattern of files at rest for `files`, compressed or not; relative to the configuration file. */
  files: z.string().min(1).nullable(),
  /** How a foreign log's lines become events: a file of one's own, or the name of one in config/mappings. */
  mapping: z.string().min(1).nullable(),
  /** What a record is, when no mapping says it. */
  format: z.enum(['json', 'avro', 'protobuf']),
  /** Address of the schema registry for `avro` and `protobuf`. */
  registry: z.url({ protocol: /^https?$/ }).nullable(),
  kafka,
});

const window = z.strictObject({
  train: count,
  validation: count,
  test: count,
  /** Days of market history before the window. */
  history: z.int().min(0),
});

const optimiser = z.strictObject({
  kind: z.enum(['adam', 'sgd']),
  learningRate: positive,
  beta1: share,
  beta2: share,
  epsilon: positive,
  warmupSteps: z.int().min(0),
  /** `linear`: the rates fall to 0 over the run. */
  decay: z.enum(['none', 'linear']),
  /** Largest norm of the combined gradient; 0 = no clipping. */
  clipNorm: z.number().min(0),
});

const training = z.strictObject({
  method: z.string().min(1),
  /** A file of one's own that exports `method`; relative to the configuration file. null = built in. */
  methodFile: z.string().min(1).nullable(),
  /** Options of the weighting method, checked by the method itself. */
  methodOptions: z.record(z.string(), z.unknown()),
  seed: z.int().min(0),
  batch: count,
  steps: count,
  fineTuneSteps: count,
  /** Factor on the learning rates when fine-tuning. */
  fineTuneRate: positive,
  /**
   * What a step's action is learned from: the bids that were made, or also, at the best return label,
   * the best constant from that state in hindsight.
   */
  actions: z.enum(['logged', 'hindsight']),
  /** What return labels count: predicted value of exposed wins, or conversions and carts that came. */
  reward: z.enum(['predicted', 'realised']),
  optimiser,
  inverseLearningRate: positive,
  /** How marginal gains are found: from task gradients, or as differences of losses along v. */
  gains: z.enum(['exact', 'difference']),
  /** Gains are found anew every so many steps and kept between. */
  gainsEvery: count,
  checkpointEvery: count,
  evaluateEvery: count,
  /** Trajectories of a task, at most, that an evaluation during training takes of a split. */
  evaluateTrajectories: count,
  threads: z.int().min(0),
  /** `auto`: the fastest that this machine has and that computed a probe rightly. */
  engine: z.enum(['auto', ...ENGINE_KINDS]),
});

const gate = z.strictObject({
  /** Without a champion: least share of bang-bang's return per task. */
  floorVersusBangBang: share,
  /** With a champion: least share of its paired return per task. */
  ratioVersusChampion: positive,
});

const release = z.strictObject({
  channel: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  maxMs: positive,
  /** Campaigns a call of the published graph takes. */
  batch: count,
});

const fleet = z.strictObject({
  bidders: count,
  host: z.string().min(1),
  basePort: z.int().min(0).max(65535),
  pollMs: count,
});

const simulatorTask = z.strictObject({
  id: z.string(),
  campaigns: count,
  /** Mean value of an exposure, in units of the task's reward. */
  value: positive,
  /** Worth of one conversion, in units of the task's reward. */
  ticket: positive,
  ticketSpread: z.number().min(0),
  intentLoading: z.number(),
  browseLoading: z.number(),
  noise: z.number().min(0),
  amplitude: z.number().min(0),
  peakStep: z.number(),
  peakWalk: z.number().min(0),
  shiftSd: z.number().min(0),
  jumpSd: z.number().min(0),
  jumpProbability: share,
});

function isDay(text: string): boolean {
  try {
    dayKey(text);
    return true;
  } catch {
    return false;
  }
}

const simulator = z.strictObject({
  seed: z.int().min(0),
  firstDay: z.string().refine(isDay, 'must be a day of the calendar, YYYY-MM-DD'),
  auctionsPerDay: count,
  scenes: count,
  /** Multiplies every shift between days: 0 none, 1 default, 2 strong. */
  shift: z.number().min(0),
  tasks: z.array(simulatorTask).min(1),
  behaviour: z.strictObject({
    pid: share,
    constant: share,
    exploration: share,
    bangbang: share,
    expert: share,
  }),
  faults: z.strictObject({
    duplicateShare: share,
    disorderMs: z.number().min(0),
    lateShare: share,
    lateMaxMs: z.number().min(0),
    poisonPerDay: z.int().min(0),
  }),
});

/** The whole configuration. Secrets never stand here; they come from the environment. */
export const configSchema = z.strictObject({
  tasks: z.array(task).min(1),
  days,
  market,
  store: storeSettings,
  source,
  ingest,
  metrics,
  clickhouse,
  window,
  model,
  training,
  gate,
  release,
  fleet,
  simulator,
});
export type Config = z.infer<typeof configSchema>;
