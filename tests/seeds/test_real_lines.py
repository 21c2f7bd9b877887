"""The lines of the stored real runs: files as they are, through the engine as in a replay."""

import asyncio
import csv
import gzip
import io
import json
from datetime import UTC, datetime
from importlib.resources import files

import numpy as np
import pytest

from twin.service.build import load_line
from twin.service.learn import read_runs
from twin.service.replay import Replay, layout_of, read_files

EPOCH = datetime(2024, 2, 12, tzinfo=UTC)


def replayed(name, *paths):
    line_file, line = load_line(files("seeds") / "lines" / f"{name}.yaml")
    out = io.BytesIO()
    job = Replay(line_file, line, out)
    rows = read_files(paths, layout_of(line_file))
    tally = asyncio.run(job.run(rows, None, lambda n: None))
    return tally, out.getvalue()


def told(lines, **wanted):
    events = [json.loads(line) for line in lines.splitlines()]
    return [e for e in events if all(e[k] == v for k, v in wanted.items())]


def hours(iso):
    return (datetime.fromisoformat(iso) - EPOCH).total_seconds() / 3600.0


def counts(shared_data):
    with (shared_data / "nistcho_fedbatch" / "nistcho_vicell.csv").open() as file:
        return list(csv.DictReader(file))


def test_nistcho_crashes_are_the_process_and_the_other_conditions_raise_nothing(shared_data):
    tally, lines = replayed("nistcho_fedbatch", shared_data / "nistcho_fedbatch" / "nistcho_vicell.csv")
    assert tally.received == 3 * len(counts(shared_data)) == tally.stored
    assert tally.holds
    drifts = told(lines, kind="drift")
    assert {e["asset"][0] for e in drifts} <= {"G", "C"}
    first_low = {
        f"{r['Condition']}-{r['Replicate']}": float(r["Hours"])
        for r in counts(shared_data)
        if r["Condition"] == "G" and float(r["Total_VCD"]) < 5.0 and float(r["Hours"]) > 200
    }
    for vessel, crash_h in first_low.items():
        (event,) = [e for e in drifts if e["asset"] == vessel and e["stage"] == "confirmed"]
        assert event["verdict"] == "process"
        assert event["causes"][0]["code"] == "culture_decline"
        assert hours(event["t"]) <= crash_h + 1.0, "the frame in which the count came"
        assert crash_h - 40 < hours(event["since"]) < crash_h
    assert len(first_low) == 4


def test_disturbed_counts_change_nothing_of_that(shared_data, tmp_path):
    rng = np.random.default_rng(7)
    rows = [r for r in counts(shared_data) if rng.random() > 0.05 or float(r["Hours"]) > 240]
    for r in rows:
        r["Total_VCD"] = float(r["Total_VCD"]) * np.exp(0.045 * rng.standard_normal())
        r["Viability"] = min(100.0, float(r["Viability"]) + 0.3 * rng.standard_normal())
        r["Hours"] = max(0.0, float(r["Hours"]) + rng.uniform(-1.0, 1.0))
    path = tmp_path / "disturbed.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(r for r in rows if r["Replicate"] in ("R1", "R2", "R4"))
    _, lines = replayed("nistcho_fedbatch", path)
    flagged = {e["asset"] for e in told(lines, kind="drift", stage="confirmed")}
    assert {v for v in flagged if v[0] == "G"} == {"G-R1", "G-R2", "G-R4"}
    assert not [v for v in flagged if v[0] in "ABDEF"]


@pytest.fixture
def three_reactors(shared_data, tmp_path):
    """Reactors 0, 22 and 42 of run 19, both signals, with some rows spoilt."""
    paths = []
    for signal in ("O2", "pH"):
        with gzip.open(shared_data / "ecoli_parallel_tum" / f"run19_{signal}.csv.gz", "rt") as file:
            header, *rows = file.read().splitlines()
        kept = [header, *(row for row in rows if row.endswith(('"0"', '"22"', '"42"')))]
        kept[100] = kept[100].replace('"2021', '"20x1')
        kept[200] = kept[200] + ',"more"'
        kept[300:300] = [
            kept[300],
            kept[301].replace("2021-09", "1970-09"),
            kept[302].replace("2021-09", "2100-09"),
        ]
        paths.append(tmp_path / f"{signal}.csv")
        paths[-1].write_text("\n".join(kept) + "\n")
    return paths


def test_ecoli_reactors_are_replayed_with_every_row_accounted_for(three_reactors):
    tally, lines = replayed("ecoli_parallel_tum", *three_reactors)
    assert tally.received == 2 * (3 * 1083 + 3)
    assert tally.holds
    assert tally.quarantined == {"bad_time": 2, "malformed_row": 2, "past_time": 2, "future_time": 2}
    assert tally.duplicate == 2
    dead = told(lines, kind="dead", stage="confirmed")
    assert {e["tag"] for e in dead} == {"R22.pO2", "R42.pO2"}
    assert {e["tag"] for e in told(lines, kind="dead")} == {"R0.pO2", "R22.pO2", "R42.pO2"}


def test_a_replay_gives_the_same_bytes_again(three_reactors):
    assert (
        replayed("ecoli_parallel_tum", *three_reactors)[1]
        == replayed("ecoli_parallel_tum", *three_reactors)[1]
    )


def test_penicillin_batches_are_read_as_they_are(shared_data):
    line_file, line = load_line(files("seeds") / "lines" / "penicillin.yaml")
    tags = tuple(tag.name for tag in line.vessels[0].tags)
    runs = read_runs(
        [shared_data / "penicillin" / "quiet_extra.parquet"], line_file, line, tags, 720.0, {"B0", "B7"}
    )
    assert runs.names == ("B0", "B7")
    assert runs.means.shape == (2, 1150, 17)
    assert np.isfinite(runs.means).all()
    assert np.isfinite(runs.scatters).all()
    middle = dict(zip(tags, runs.means[0, 500], strict=True))
    assert 24 < middle["temperature"] < 26
    assert 6 < middle["pH"] < 7
    assert 0.005 < middle["DO"] < 0.02, "g/L: the file has mg/L in hundredths"
    assert 60_000 < middle["weight"] < 110_000
