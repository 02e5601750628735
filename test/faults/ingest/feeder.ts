import kafkajs from 'kafkajs';
import { setTimeout as wait } from 'node:timers/promises';
import { encodeEvent } from '../../../src/contracts/index.ts';
import type { Random } from '../../../src/core/index.ts';
import { outcomeEvent } from '../../helpers/ingest-records.ts';

const HOUR_MS = 3_600_000;
/** Two days are open; the cut of the first one, 26 hours after its start, falls inside the run. */
export const RUN_HOURS = 42;
const PAUSE_MS = 100;
const BATCH = 25;
/** Ids of events in transactions that were aborted begin so: none may be stored. */
export const ABORTED = 'aborted-';
const POISON = ['{"v":1,"kind":"outc', 'null', '{"v":1,"kind":"click","event_id":"x"}', ''];

type Message = kafkajs.Message & { readonly partition: number };
export type Extra = 'aborted transaction' | 'duplicates' | 'late events' | 'poison records';

export interface Feeder {
  /** Sends something special, once the broker takes it. */
  send(extra: Extra): Promise<void>;
  /** Moves the producer's clock, which dates its records; 0 sets it right. */
  stepClock(ms: number): void;
  /** Where the events' clock stands: 0 at the start, 1 at the end of the run. */
  progress: number;
  /** Sends a last record to each partition. */
  finish(): Promise<void>;
}

/**
 * Writes events to a topic without pause, in plain batches and in transactions. Their time runs over
 * RUN_HOURS with `progress`.
 */
export function startFeeder(options: {
  readonly address: string;
  readonly topic: string;
  readonly partitions: number;
  readonly startMs: number;
  readonly random: Random;
}): Feeder {
  const { topic, partitions, startMs, random } = options;
  const kafka = new kafkajs.Kafka({
    brokers: [options.address],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 4, initialRetryTime: 100, maxRetryTime: 1000 },
  });
  const plain = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const makeTransactional = (): kafkajs.Producer =>
    kafka.producer({
      transactionalId: `feeder-${topic}`,
      transactionTimeout: 5000,
      maxInFlightRequests: 1,
    });
  let transactional = makeTransactional();
  let made = 0;
  let arrivalMs = startMs;
  let offByMs = 0;
  let isOpen = true;
  const sent: Message[] = [];
  const wanted: { extra: Extra; done: () => void }[] = [];
  const self = { progress: 0 };

  function event(prefix = 'e-', behindMs = random.below(60_000)): Message {
    arrivalMs = Math.max(arrivalMs + 1, startMs + Math.floor(self.progress * RUN_HOURS * HOUR_MS));
    made += 1;
    const campaign_id = `c-${random.below(40)}`;
    const value = outcomeEvent({
      event_id: `${prefix}${made}`,
      event_time: Math.max(startMs, arrivalMs - behindMs),
      campaign_id,
      auction_id: `a-${made >> 1}`,
      pv: random.below(1e9),
      bid: random.below(3_000_000),
      cost: random.below(900_000),
    });
    return {
      key: campaign_id,
      value: JSON.stringify(encodeEvent(value)),
      timestamp: String(arrivalMs + offByMs),
      partition: random.below(partitions),
    };
  }
  const several = (make: () => Message, count = BATCH): Message[] =>
    Array.from({ length: count }, make);
  const poison = (): Message => ({ ...event(), value: POISON[random.below(POISON.length)]! });
  const again = (): Message => ({
    ...(sent[random.below(sent.length)] ?? event()),
    timestamp: String(++arrivalMs + offByMs),
  });

  async function inTransaction(messages: Message[], isAborted: boolean): Promise<void> {
    try {
      const transaction = await transactional.transaction();
      await transaction.send({ topic, messages });
      await (isAborted ? transaction.abort() : transaction.commit());
    } catch (error) {
      await transactional.disconnect().catch(() => undefined);
      transactional = makeTransactional();
      await transactional.connect().catch(() => undefined);
      throw error;
    }
  }

  async function sendPlain(messages: Message[]): Promise<void> {
    await plain.send({ topic, messages, acks: -1 });
    for (const message of messages)
      if (sent.length < 500) sent.push(message);
      else sent[random.below(sent.length)] = message;
  }

  function sendExtra(extra: Extra): Promise<void> {
    switch (extra) {
      case 'aborted transaction':
        return inTransaction(
          several(() => event(ABORTED)),
          true,
        );
      case 'duplicates':
        return sendPlain(several(again));
      case 'late events':
        return sendPlain(several(() => event('e-', 26 * HOUR_MS)));
      case 'poison records':
        return plain.send({ topic, messages: several(poison, 5), acks: -1 }).then(() => undefined);
    }
  }

  async function feed(): Promise<void> {
    const extra = wanted[0];
    if (extra !== undefined) {
      await sendExtra(extra.extra);
      wanted.shift();
      extra.done();
    } else if (random.next() < 0.1) await inTransaction(several(event), false);
    else await sendPlain(several(event));
  }

  async function run(): Promise<void> {
    await Promise.all([plain.connect(), transactional.connect()]);
    while (isOpen || wanted.length > 0) {
      // A broker that is down: what became of the batch, the topic tells.
      await feed().catch(() => wait(500));
      await wait(PAUSE_MS);
    }
    const last = Array.from({ length: partitions }, (_, partition) => ({ ...event(), partition }));
    while (
      !(await plain.send({ topic, messages: last, acks: -1 }).then(
        () => true,
        () => false,
      ))
    )
      await wait(500);
    await Promise.all([plain.disconnect(), transactional.disconnect()]);
  }
  const running = run();

  return Object.assign(self, {
    send: (extra: Extra) => new Promise<void>((done) => wanted.push({ extra, done })),
    stepClock(ms: number) {
      offByMs = ms;
    },
    finish() {
      isOpen = false;
      return running;
    },
  });
}
