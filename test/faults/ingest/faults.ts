import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../../../src/core/index.ts';
import type { Broker } from '../../helpers/kafka.ts';
import type { Fault as ServerFault, S3Server } from '../../helpers/s3-server.ts';
import { type Step, STEPS } from './faulty-store.ts';
import { type Extra, type Feeder, RUN_HOURS } from './feeder.ts';
import type { Fleet, Member } from './fleet.ts';

/** What faults are done to. */
export interface World {
  readonly fleet: Fleet;
  readonly feeder: Feeder;
  readonly broker: Broker;
  /** The store's server, when it is one. */
  readonly server: S3Server | undefined;
  readonly random: Random;
  readonly sessionTimeoutMs: number;
  /** Faults that go on beside the next ones. */
  readonly background: Promise<void>[];
}

/** A fault: its name and how it is brought about; it settles when the next may follow. */
export interface Fault {
  readonly name: string;
  run(world: World): Promise<void>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const HIT_MS = 8000;

/** An ingester that runs, as soon as there is one. */
async function someMember({ fleet, random }: World): Promise<Member> {
  for (;;) {
    const running = fleet.running();
    if (running.length > 0) return running[random.below(running.length)]!;
    await wait(50);
  }
}

/** Dies at a step: whoever comes to it first. One that has no partition never does: then at once. */
const killAt = (step: Step): Fault => ({
  name: `SIGKILL: ${step}`,
  async run(world) {
    const member = await someMember(world);
    member.send({ type: 'die at', step });
    await Promise.race([member.gone, wait(HIT_MS, undefined, { ref: false })]);
    member.process.kill('SIGKILL');
    await member.gone;
  },
});

/** Stands still past the session, so that others take its partitions, then goes on as if nothing were. */
const zombie: Fault = {
  name: 'SIGSTOP past the session',
  async run(world) {
    const member = await someMember(world);
    member.process.kill('SIGSTOP');
    member.state = 'stopped';
    const awake = wait(world.sessionTimeoutMs + 2000).then(() => {
      member.process.kill('SIGCONT');
      if (member.state === 'stopped') member.state = 'running';
    });
    world.background.push(awake);
    await wait(500);
  },
};

const brokerKill: Fault = {
  name: 'broker SIGKILL',
  run: ({ broker }) => broker.killAndRestart(),
};

/** One more joins; then one leaves in order. The group shares out its partitions twice. */
const rebalance: Fault = {
  name: 'rebalance',
  async run(world) {
    world.fleet.join();
    await wait(1500);
    const member = await someMember(world);
    member.state = 'leaving';
    member.send({ type: 'stop' });
    await Promise.race([member.gone, wait(HIT_MS, undefined, { ref: false })]);
  },
};

/**
 * An ingester's clock jumps, and that of the producer, which dates the records, goes ahead and then
 * back by less than the allowed lateness. Poison that comes in ahead of time may be what a day is cut at:
 * the day's rows after it are late, wherever an ingester flushes.
 */
const clockStep: Fault = {
  name: 'clock step',
  async run(world) {
    const { feeder, random } = world;
    const ms = (random.below(2) === 0 ? -1 : 1) * HOUR_MS;
    (await someMember(world)).send({ type: 'step clock', ms });
    const stepMs = (95 + random.below(20)) * MINUTE_MS;
    feeder.stepClock(stepMs);
    await feeder.send('poison records');
    feeder.stepClock(-stepMs);
    await feeder.send('late events');
    feeder.stepClock(0);
  },
};

const diskFull: Fault = {
  name: 'disk full',
  async run(world) {
    (await someMember(world)).send({ type: 'fail', failure: 'full', calls: 3 });
    await wait(1000);
  },
};

/** The service fails for a while: sometimes shorter than a writer tries, sometimes longer. */
const unavailable: Fault = {
  name: 'store 5xx',
  async run(world) {
    const { server, random } = world;
    if (server !== undefined)
      server.faults.push(
        ...Array.from({ length: 1 + random.below(24) }, (): ServerFault => ({
          kind: 'answer',
          status: [500, 502, 503, 429][random.below(4)]!,
        })),
      );
    else (await someMember(world)).send({ type: 'fail', failure: 'unavailable', calls: 2 });
    await wait(1000);
  },
};

const lostAnswer: Fault = {
  name: 'store answer lost after success',
  async run(world) {
    const { server, random } = world;
    if (server !== undefined)
      server.faults.push(
        ...Array.from({ length: 1 + random.below(6) }, (): ServerFault => ({
          kind: 'reset',
          when: 'after',
        })),
      );
    else (await someMember(world)).send({ type: 'fail', failure: 'answer lost', calls: 2 });
    await wait(1000);
  },
};

const fed = (extra: Extra): Fault => ({
  name: extra,
  run: ({ feeder }) => feeder.send(extra),
});

/** Every kind of fault, with how many of a hundred are of it. */
const KINDS: readonly (readonly [Fault, number])[] = [
  ...STEPS.map((step) => [killAt(step), 3] as const),
  [zombie, 8],
  [brokerKill, 3],
  [rebalance, 7],
  [clockStep, 8],
  [diskFull, 7],
  [unavailable, 7],
  [lostAnswer, 7],
  [fed('aborted transaction'), 8],
  [fed('duplicates'), 4],
  [fed('late events'), 5],
  [fed('poison records'), 4],
];

/** A short run leaves out what takes a broker ten seconds. */
const SHORT: readonly Fault[] = [
  killAt('buffered'),
  fed('duplicates'),
  killAt('before the entry'),
  fed('aborted transaction'),
  lostAnswer,
  killAt('after the entry'),
  fed('poison records'),
  clockStep,
  diskFull,
  zombie,
  fed('late events'),
  unavailable,
];

/** How far the run is when the first day's cut is less than a step of the clock away. */
const NEAR_CUT = 25 / RUN_HOURS;

/** `count` faults in random order, in their shares, every kind at least once where there is room. */
export function planFaults(count: number, random: Random, isShort: boolean): Fault[] {
  if (isShort) return Array.from({ length: count }, (_, i) => SHORT[i % SHORT.length]!);
  const total = KINDS.reduce((sum, [, share]) => sum + share, 0);
  const faults = KINDS.map(([fault]) => fault).slice(0, count);
  while (faults.length < count) {
    let at = random.below(total);
    faults.push(KINDS.find(([, share]) => (at -= share) < 0)![0]);
  }
  for (let i = faults.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [faults[i], faults[j]] = [faults[j]!, faults[i]!];
  }
  const [step, cut] = [faults.indexOf(clockStep), Math.floor(count * NEAR_CUT)];
  if (step >= 0) [faults[step], faults[cut]] = [faults[cut]!, clockStep];
  return faults;
}
