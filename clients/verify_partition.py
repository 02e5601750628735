#!/usr/bin/env python3
"""Checks sealed days from outside: an independent reading of the files with pyarrow.

    verify_partition.py DATA_DIRECTORY [--day YYYY-MM-DD ...] [--config CONFIG.json ...]

For every sealed day (or the days named) it
  1. compares size and SHA-256 of each file with the manifest,
  2. recomputes the content digests of events.arrow and steps.arrow,
  3. recomputes every step sum from the events and compares all 97 rows of every campaign exactly.

Prints one line a day; exit code 0 when all hold, 1 when one differs, 2 when something cannot be read.
"""

import argparse
import hashlib
import json
import struct
import sys
from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc

STEPS = 96
STEP_MS = 900_000
MICRO = 1_000_000
TEXT = {
    "campaign_id", "kind", "event_id", "advertiser_id", "task", "status", "auction_id",
    "model_version", "outcome_id", "order_id",
}  # fmt: skip
EVENT_COLUMNS = (
    "campaign_id event_time kind event_id arrival_ms advertiser_id task budget status cpa_limit "
    "auction_id pv pv_sigma bid slot exposed shown cost competing_1 competing_2 competing_3 "
    "model_version outcome_id gmv direct_gmv order_id items"
).split()
SUMS = (
    "outcomes pv bid wins exposures cost lwc pv_won reward_seen reward_attributed budget remaining "
    "active"
).split()
STEPS_COLUMNS = ["campaign_id", "advertiser_id", "task", "step", *SUMS]


class Differs(Exception):
    """What was recomputed is not what stands in the files."""


def expect(what, found, recorded):
    if found != recorded:
        raise Differs(f"{what}: found {found}, recorded {recorded}")


def columns_digest(table, names):
    """SHA-256 of `NAME:KIND:ROWS\\n`, then values (text: all lengths, then all bytes) per column."""
    digest = hashlib.sha256()
    for name in names:
        kind = "text" if name in TEXT else "int64"
        digest.update(f"{name}:{kind}:{table.num_rows}\n".encode())
        column = table[name].combine_chunks()
        if column.null_count:
            raise Differs(f"column {name} has nulls")
        if kind == "int64":
            expect(f"type of {name}", str(column.type), "int64")
            digest.update(column.to_numpy(zero_copy_only=False).astype("<i8").tobytes())
        else:
            texts = [text.encode() for text in column.cast(pa.string()).to_pylist()]
            digest.update(b"".join(struct.pack("<i", len(text)) for text in texts))
            digest.update(b"".join(texts))
    return digest.hexdigest()


def read_sealed(root, file):
    """A file of the manifest as a table, after comparing its size and digest."""
    data = (root / file["key"]).read_bytes()
    expect(f"bytes of {file['key']}", len(data), file["bytes"])
    expect(f"sha256 of {file['key']}", hashlib.sha256(data).hexdigest(), file["sha256"])
    table = ipc.open_file(pa.BufferReader(data)).read_all()
    expect(f"rows of {file['key']}", table.num_rows, file["rows"])
    return table


def day_start_ms(manifest):
    midnight = datetime.fromisoformat(manifest["day"]).replace(tzinfo=timezone.utc)
    return int(midnight.timestamp() * 1000) - manifest["utcOffsetMinutes"] * 60_000


def recompute(events, later, window_ms, start_ms, reserve_micro, reward_fields):
    """Step sums of every campaign with a campaign event: {id: (advertiser, task, {sum: [97]})}."""
    by_campaign = defaultdict(list)
    for event in events:
        by_campaign[event["campaign_id"]].append(event)
    later_of = defaultdict(list)
    for reward in later:
        later_of[reward["campaign_id"]].append(reward)
    result = {}
    for campaign_id, own in sorted(by_campaign.items()):
        terms = sorted(
            (e for e in own if e["kind"] == "campaign"),
            key=lambda e: (e["event_time"], e["event_id"]),
        )
        if terms:
            field = reward_fields.get(terms[0]["task"])
            sums, outcomes = campaign_sums(own, start_ms, reserve_micro, field)
            attribute([*own, *later_of[campaign_id]], outcomes, window_ms, field, sums)
            fill_terms(sums, terms, start_ms)
            result[campaign_id] = (terms[0]["advertiser_id"], terms[0]["task"], sums)
    return result


def campaign_sums(own, start_ms, reserve_micro, field):
    sums = {name: [0] * (STEPS + 1) for name in SUMS}
    outcomes = {}
    for e in own:
        if e["kind"] != "outcome":
            continue
        step = (e["event_time"] - start_ms) // STEP_MS
        outcomes[e["event_id"]] = (e["event_time"], step)
        sums["outcomes"][step] += 1
        sums["pv"][step] += e["pv"]
        sums["bid"][step] += e["bid"]
        sums["wins"][step] += e["slot"] > 0
        sums["exposures"][step] += e["exposed"]
        sums["cost"][step] += e["cost"]
        sums["lwc"][step] += max(e["competing_3"], reserve_micro)
        sums["pv_won"][step] += e["pv"] if e["exposed"] else 0
    for e in own:
        if e["kind"] not in ("conversion", "cart") or field is None:
            continue
        reward = e["items"] * MICRO if field == "items" else e[field]
        arrived = (e["arrival_ms"] - start_ms) // STEP_MS
        if 0 <= arrived < STEPS:
            sums["reward_seen"][arrived] += reward
    return sums, outcomes


def attribute(rewards, outcomes, window_ms, field, sums):
    """Rewards at the step of their outcome; with a window (0 = none) those within it alone."""
    for e in rewards:
        if e["kind"] not in ("conversion", "cart") or field is None:
            continue
        time, step = outcomes.get(e["outcome_id"], (None, None))
        if time is None or (window_ms > 0 and e["event_time"] - time > window_ms):
            continue
        sums["reward_attributed"][step] += e["items"] * MICRO if field == "items" else e[field]


def fill_terms(sums, terms, start_ms):
    times = [e["event_time"] for e in terms]
    spent = 0
    for step in range(STEPS + 1):
        found = bisect_right(times, start_ms + step * STEP_MS)
        if found:
            sums["budget"][step] = terms[found - 1]["budget"]
            sums["active"][step] = int(terms[found - 1]["status"] == "active")
        sums["remaining"][step] = sums["budget"][step] - spent
        spent += sums["cost"][step]


def compare_steps(expected, steps):
    rows = steps.to_pylist()
    expect("rows of steps", len(rows), len(expected) * (STEPS + 1))
    at = 0
    for campaign_id, (advertiser, task, sums) in expected.items():
        for step in range(STEPS + 1):
            row = rows[at]
            at += 1
            where = f"campaign {campaign_id} step {step}"
            found = (row["campaign_id"], row["advertiser_id"], row["task"], row["step"])
            expect(where, (campaign_id, advertiser, task, step), found)
            for name in SUMS:
                expect(f"{where} {name}", sums[name][step], row[name])


def verify_day(root, manifest, config):
    """Raises Differs; returns (events, campaigns) when everything holds."""
    counts = manifest["counts"]
    parts = ("accepted", "duplicate", "late", "dead_lettered")
    expect("records", sum(counts[part] for part in parts), counts["records"])
    files = {file["role"]: file for file in manifest["files"]}
    events = read_sealed(root, files["events"])
    steps = read_sealed(root, files["steps"])
    expect("digest", columns_digest(events, EVENT_COLUMNS), manifest["digest"])
    expect("stepsDigest", columns_digest(steps, STEPS_COLUMNS), manifest["stepsDigest"])
    later = read_sealed(root, files["rewards"]).to_pylist() if "rewards" in files else []
    expected = recompute(
        events.to_pylist(),
        later,
        manifest.get("attributionMs", 0),
        day_start_ms(manifest),
        round(config["market"]["reserve"] * MICRO),
        {task["id"]: task["reward"] for task in config["tasks"]},
    )
    compare_steps(expected, steps)
    return events.num_rows, len(expected)


def read_config(paths):
    """The files laid over one another, top-level keys of `market` merged, as vamo merges them."""
    merged = {"market": {}}
    for path in paths:
        config = json.loads(Path(path).read_text())
        merged["market"].update(config.get("market", {}))
        merged["tasks"] = config.get("tasks", merged.get("tasks"))
    return merged


def sealed_days(root, wanted):
    """The newest manifest of every sealed day; a day that was withdrawn is none."""
    newest = {}
    for path in sorted(root.glob("days/*/g*/manifest.json")):
        newest[path.parent.parent.name] = json.loads(path.read_text())
    newest = {day: found for day, found in newest.items() if found["schema"] != "withdrawn/v1"}
    missing = sorted(set(wanted) - set(newest))
    if missing or not newest:
        raise FileNotFoundError(f"not sealed in {root}: {', '.join(missing) or 'any day'}")
    return [newest[day] for day in (wanted or newest)]


def main():
    default = Path(__file__).resolve().parent.parent / "config" / "default.json"
    parser = argparse.ArgumentParser(description="Checks sealed days independently.")
    parser.add_argument("data", type=Path, help="data directory")
    parser.add_argument("--day", action="append", default=[], help="only this day (repeatable)")
    parser.add_argument("--config", action="append", default=[], help="over config/default.json")
    arguments = parser.parse_args()
    try:
        config = read_config([default, *arguments.config])
        manifests = sealed_days(arguments.data, arguments.day)
    except (OSError, ValueError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    failed = False
    for manifest in manifests:
        try:
            events, campaigns = verify_day(arguments.data, manifest, config)
            print(f"{manifest['day']} ok: {events} events, {campaigns} campaigns, all sums equal")
        except (Differs, OSError, pa.ArrowInvalid) as error:
            failed = True
            print(f"{manifest['day']} DIFFERS: {error}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
