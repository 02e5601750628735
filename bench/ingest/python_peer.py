"""librdkafka + orjson + pyarrow: a topic into Arrow files; offsets, fsync and days left out."""

import json
import resource
import sys
import time

import orjson
import pyarrow as pa
from confluent_kafka import Consumer, TopicPartition

NANO, MICRO = 1_000_000_000, 1_000_000
TEXTS = ("kind", "event_id", "campaign_id", "auction_id", "task", "model_version")
MONEY = ("bid", "cost", "competing_1", "competing_2", "competing_3")
WHOLE = ("event_time", "slot", "shown")
# What our segments hold beside, and these events have not.
EMPTY_TEXTS = ("advertiser_id", "status", "outcome_id", "order_id")
EMPTY_WHOLE = ("budget", "cpa_limit", "pv_sigma", "gmv", "direct_gmv", "items")
FLUSH_ROWS = 65536

job = json.loads(sys.argv[1])
topic = job["topic"]


def used_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def write(messages, number):
    rows = [orjson.loads(m.value()) for m in messages]
    columns = {name: pa.array([r.get(name, "") for r in rows], pa.string()) for name in TEXTS}
    for name in WHOLE:
        columns[name] = pa.array([r.get(name, 0) for r in rows], pa.int64())
    for name in MONEY:
        columns[name] = pa.array([round(r.get(name, 0) * MICRO) for r in rows], pa.int64())
    columns["pv"] = pa.array([round(r.get("pv", 0) * NANO) for r in rows], pa.int64())
    columns["exposed"] = pa.array([int(r.get("exposed", False)) for r in rows], pa.int64())
    columns["arrival_ms"] = pa.array([m.timestamp()[1] for m in messages], pa.int64())
    columns["src_partition"] = pa.array([m.partition() for m in messages], pa.int64())
    columns["src_offset"] = pa.array([m.offset() for m in messages], pa.int64())
    columns["src_topic"] = pa.repeat(topic, len(rows))
    for name in EMPTY_TEXTS:
        columns[name] = pa.repeat("", len(rows))
    for name in EMPTY_WHOLE:
        columns[name] = pa.repeat(0, len(rows))
    table = pa.table(columns)
    with pa.OSFile(f"{job['root']}/{number}.arrow", "wb") as sink:
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)


began, cpu = time.monotonic(), used_seconds()
consumer = Consumer(
    {
        "bootstrap.servers": ",".join(job["brokers"]),
        "group.id": job["group"],
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "fetch.message.max.bytes": 2 * 1024 * 1024,
        "queued.max.messages.kbytes": 65536,
    }
)
consumer.assign([TopicPartition(topic, p, 0) for p in range(job["partitions"])])
done, number, held = 0, 0, []
while done + len(held) < job["rows"]:
    held.extend(m for m in consumer.consume(10000, 0.5) if m.error() is None)
    if len(held) >= FLUSH_ROWS:
        write(held, number)
        done, number, held = done + len(held), number + 1, []
if held:
    write(held, number)
    done += len(held)
consumer.close()
print(
    json.dumps(
        {
            "rows": done,
            "cpuSeconds": used_seconds() - cpu,
            "seconds": time.monotonic() - began,
            "rssMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
