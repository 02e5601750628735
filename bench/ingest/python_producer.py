"""Sends what comes on standard input by librdkafka: a line "partition time key-length value-length"
before each record's key and value. Batches are as large as those of producer.ts."""

import sys

from confluent_kafka import Producer

brokers, topic = sys.argv[1:]
producer = Producer(
    {
        "bootstrap.servers": brokers,
        "enable.idempotence": True,
        "linger.ms": 100,
        "batch.size": 900_000,
        "batch.num.messages": 2500,
        "queue.buffering.max.kbytes": 262_144,
    }
)
source = sys.stdin.buffer
refused = []


def told(error, _message):
    if error is not None:
        refused.append(error)


for line in source:
    partition, time, key, value = map(int, line.split())
    record = source.read(key + value)
    while True:
        try:
            producer.produce(
                topic, record[key:], record[:key], partition, timestamp=time, on_delivery=told
            )
            break
        except BufferError:
            producer.poll(0.1)
    producer.poll(0)
producer.flush()
if refused:
    sys.exit(f"{topic}: {len(refused)} records refused, first {refused[0]}")
