import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createKafka, type KafkaAddress } from '../../src/ingest/kafka-client.ts';

/** Records of one batch, well below the megabyte that a broker takes. */
const BATCH = 2500;

/** A record and where it goes. */
interface Outgoing {
  readonly partition: number;
  readonly key: string;
  readonly arrivalMs: number;
  readonly value: Buffer;
}

/** Writes records, in the given order within a partition; they are there when it was closed. */
export interface BenchProducer {
  send(records: readonly Outgoing[]): Promise<void>;
  close(): Promise<void>;
}

async function viaKafkajs(address: KafkaAddress): Promise<BenchProducer> {
  const { topic } = address;
  const producer = createKafka(address).producer();
  await producer.connect();
  return {
    async send(records) {
      for (const partition of new Set(records.map((r) => r.partition))) {
        const messages = records
          .filter((r) => r.partition === partition)
          .map(({ arrivalMs, ...m }) => ({ ...m, timestamp: String(arrivalMs) }));
        for (let from = 0; from < messages.length; from += BATCH)
          await producer.send({ topic, messages: messages.slice(from, from + BATCH) });
      }
    },
    close: () => producer.disconnect(),
  };
}

/** Partition, time and lengths in a line of their own before each record's key and value. */
function framed({ partition, key, arrivalMs, value }: Outgoing): Buffer[] {
  const head = `${partition} ${arrivalMs} ${Buffer.byteLength(key)} ${value.length}\n${key}`;
  return [Buffer.from(head), value];
}

function viaProgram(
  [program = '', ...rest]: readonly string[],
  { brokers, topic }: KafkaAddress,
): BenchProducer {
  const child = spawn(program, [...rest, brokers.join(), topic], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = once(child, 'exit');
  return {
    async send(records) {
      if (!child.stdin.write(Buffer.concat(records.flatMap(framed))))
        await Promise.race([once(child.stdin, 'drain'), ended]);
    },
    async close() {
      child.stdin.end();
      const [code] = (await ended) as [number | null];
      if (code !== 0) throw new Error(`${rest.join(' ')} ended with ${String(code)}`);
    },
  };
}

/** @param program one that sends what comes on its standard input, ten times as fast as kafkajs */
export const openProducer = (
  address: KafkaAddress,
  program?: readonly string[],
): Promise<BenchProducer> =>
  program === undefined ? viaKafkajs(address) : Promise.resolve(viaProgram(program, address));
