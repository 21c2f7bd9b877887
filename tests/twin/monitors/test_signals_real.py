"""Signal watches on stored data: 48 real reactors, and simulated batches with labelled faults."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from datetime import datetime
from functools import cache

import pyarrow.parquet as pq
import pytest

from twin.domain.event import Kind, Stage, Verdict
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Tag
from twin.monitors.signals import SignalWatch

HOUR = 3600 * 10**9
PROBES = {
    "O2": ("pO2", "pO2", "%", 0.0, 200.0, 1.0),
    "pH": ("pH", "pH", "1", 5.0, 9.0, 0.02),
}


def stored(folder, run, signal):
    series = defaultdict(list)
    with gzip.open(folder / "ecoli_parallel_tum" / f"run{run}_{signal}.csv.gz", "rt") as file:
        rows = csv.reader(file)
        next(rows)
        for time, value, position in rows:
            t = int(datetime.fromisoformat(time).timestamp()) * 10**9
            series[position].append((t, float(value)))
    return series


def watched(tag, series):
    watch, qualities, events = SignalWatch(tag), [], []
    for t, value in series:
        row, found = watch.update(Measurement(tag.id, value, Quality.GOOD, t, t))
        qualities.append(row.quality)
        events += [*found, *watch.tick(t)]
    return qualities, events, watch


@cache
def fleet(folder, run, signal):
    return [
        (position, series, *watched(Tag(f"R{position}", *PROBES[signal], 60.0, 300.0), series))
        for position, series in stored(folder, run, signal).items()
    ]


@pytest.mark.parametrize(("run", "silent"), [(19, {"42"}), (20, set())])
def test_every_zero_of_the_optical_probes_is_named_per_reactor(shared_data, run, silent):
    for position, series, qualities, events, watch in fleet(shared_data, run, "O2"):
        zeros = [i for i, (_, value) in enumerate(series) if value == 0.0]
        assert all(qualities[i] is not Quality.GOOD for i in zeros)
        dead = [e for e in events if e.kind is Kind.DEAD]
        assert bool(dead) == bool(zeros), position
        if zeros:
            assert dead[0].since == series[zeros[0]][0]
        if position in silent:
            assert dead[-1].stage is Stage.CONFIRMED
            assert dead[-1].verdict is Verdict.UNKNOWN, "it was approached step by step and may be true"
        counted = [e.detail["count"] for e in dead if e.stage is Stage.CLOSED]
        assert sum(counted) + watch.rail.count == len(zeros)


@pytest.mark.parametrize("run", [19, 20])
@pytest.mark.parametrize("signal", ["O2", "pH"])
def test_pulse_fed_cultures_raise_next_to_nothing_else(shared_data, run, signal):
    confirmed = Counter()
    unbelieved = total = 0
    for _, series, qualities, events, _ in fleet(shared_data, run, signal):
        confirmed.update(e.kind for e in events if e.stage is Stage.CONFIRMED and e.kind is not Kind.DEAD)
        zeros = sum(value == 0.0 for _, value in series)
        unbelieved += sum(q is Quality.BAD for q in qualities) - zeros
        total += len(series)
    assert sum(confirmed.values()) <= 1, "at most one in 860 reactor hours"
    assert unbelieved < 0.001 * total


SENSORS = {"DO_mgL": ("DO", "pO2", "%", 0.0, 40.0, 0.1), "pH": ("pH", "pH", "1", 2.0, 12.0, 0.008)}


def batch(folder, level, number, sensor):
    scales = json.loads((folder / "penicillin" / "scales.json").read_text())
    scale = scales["resolution"][scales["sensors"].index(sensor)]
    file = pq.ParquetFile(folder / "penicillin" / f"{level}.parquet")
    table = file.read_row_group(number, columns=["batch", "minute", sensor]).to_pydict()
    assert set(table["batch"]) == {number}
    return [(m * 60 * 10**9, v * scale) for m, v in zip(table["minute"], table[sensor], strict=True)]


def labels(folder, level, **wanted):
    with (folder / "penicillin" / f"{level}_labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [r for r in rows if all(r[k] == v for k, v in wanted.items())]


def confirmed(events):
    return [(e.kind, e.t / HOUR) for e in events if e.stage is Stage.CONFIRMED]


@pytest.mark.parametrize(
    ("fault", "sensor", "kind", "within_h"),
    [
        ("DO_stuck", "DO_mgL", Kind.FROZEN, 0.5),
        ("pH_stuck", "pH", Kind.FROZEN, 0.6),
        ("DO_spikes", "DO_mgL", Kind.SPIKE, 2.5),
    ],
)
def test_labelled_sensor_faults_are_found_in_time(shared_data, fault, sensor, kind, within_h):
    for row in labels(shared_data, "quiet", fault=fault)[:3]:
        series = batch(shared_data, "quiet", int(row["batch"]), sensor)
        _, events, _ = watched(Tag("B", *SENSORS[sensor]), series)
        first_kind, found_h = confirmed(events)[0]
        assert first_kind is kind
        assert 0.0 <= found_h - float(row["onset_h"]) <= within_h


@pytest.mark.parametrize("sensor", SENSORS)
def test_normal_batches_confirm_nothing(shared_data, sensor):
    for row in labels(shared_data, "quiet", role="test_normal")[:3]:
        series = batch(shared_data, "quiet", int(row["batch"]), sensor)
        assert confirmed(watched(Tag("B", *SENSORS[sensor]), series)[1]) == []
