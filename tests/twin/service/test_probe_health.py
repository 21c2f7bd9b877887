"""`twin probe-health`: fits against another library, drifts that were put in, and what can not be told."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

import twin
from simulators.scenario import FaultSpec, load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.errors import ConfigError
from twin.domain.tag import Tag
from twin.service import probes_table
from twin.service.cli import app
from twin.service.notebook import Run
from twin.service.probes import Beside, Interval, beside, drift_told, gain, life
from twin.service.probes_stored import Probe

LINE = Path(__file__).resolve().parents[3] / "seeds/lines/demo.yaml"


def test_the_drift_is_that_of_theil_and_sen() -> None:
    rng = np.random.default_rng(9510)
    days = np.sort(rng.uniform(0.0, 7.0, 9))
    error = 0.05 * days + rng.normal(0.0, 0.02, 9)
    found = beside(days, 7.0 + error, np.full(9, 7.0), 7.0)
    slope, _, low, high = stats.theilslopes(error, days, 0.95)
    assert found.drift is not None
    assert (found.drift.value, found.drift.low, found.drift.high) == pytest.approx((slope, low, high))


def test_a_wild_result_does_not_move_the_line() -> None:
    days = np.arange(7.0)
    error = 0.05 * days
    error[3] = 5.0
    found = beside(days, error, np.zeros(7), 8.0)
    assert found.drift
    assert found.error
    assert found.drift.value == pytest.approx(0.05, abs=0.01)
    assert found.error.value == pytest.approx(0.4, abs=0.06)


def test_intervals_hold_what_is_true_as_often_as_they_say() -> None:
    """Daily results over ten days, 400 times: about 95 % of the intervals hold drift and error."""
    rng, days, inside = np.random.default_rng(9511), np.arange(10.0), np.zeros(2)
    for _ in range(400):
        found = beside(days, 0.1 + 0.02 * days + rng.normal(0.0, 0.03, 10), np.zeros(10), 10.0)
        assert found.drift
        assert found.error
        inside += [found.drift.low <= 0.02 <= found.drift.high, found.error.low <= 0.3 <= found.error.high]
    assert (inside / 400 >= 0.92).all(), inside
    assert (inside / 400 <= 0.99).all(), inside


def test_errors_that_go_together_make_a_wider_interval() -> None:
    rng, hours = np.random.default_rng(9512), np.arange(160.0) / 24.0
    white = rng.normal(0.0, 1.0, 160)
    wander = stats.zscore(np.cumsum(white))
    halves = [beside(hours, e, np.zeros(160), 7.0).drift for e in (stats.zscore(white), wander)]
    assert halves[0]
    assert halves[1]
    assert halves[1].half > 4.0 * halves[0].half


def test_a_gain_is_found_with_scatter_on_both_sides_and_not_without_a_spread() -> None:
    rng = np.random.default_rng(9513)
    true = np.linspace(40.0, 120.0, 30)
    found = gain(true + rng.normal(0.0, 4.0, 30), 0.8 * true + rng.normal(0.0, 4.0, 30))
    assert found
    assert found.low < 0.8 < found.high < 1.0
    flat = gain(7.0 + rng.normal(0.0, 0.02, 8), 7.0 + rng.normal(0.0, 0.02, 8))
    assert flat is None or flat.half > 0.2
    assert gain(np.ones(5), np.ones(5)) is None


def test_four_results_tell_no_interval() -> None:
    assert beside(np.arange(4.0), np.arange(4.0), np.zeros(4), 4.0) == Beside(4)


@pytest.mark.parametrize(
    ("error", "drift", "expected"),
    [
        ((0.0, -0.01, 0.01), (0.01, 0.005, 0.02), (10.0, 4.5, 22.0)),
        ((-0.05, -0.06, -0.04), (0.01, 0.01, 0.01), (15.0, 14.0, 16.0)),  # back through 0 to the other side
        ((0.05, 0.04, 0.06), (0.01, -0.01, 0.03), (5.0, 4.0 / 3.0, math.inf)),
        ((0.2, 0.15, 0.25), (0.01, 0.0, 0.02), (0.0, 0.0, 0.0)),
    ],
)
def test_life_is_the_time_to_the_limit(
    error: tuple[float, ...], drift: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    found = life(Interval(*error), Interval(*drift), 0.1)
    assert (found.value, found.low, found.high) == pytest.approx(expected)


def test_a_drift_is_told_when_it_is_one_or_when_it_does_not_matter() -> None:
    assert drift_told(Interval(0.05, 0.03, 0.07), 0.01)
    assert drift_told(Interval(0.0, -0.001, 0.001), 0.01)
    assert not drift_told(Interval(0.0, -0.01, 0.01), 0.01)


def test_what_is_surely_beyond_comes_first_and_the_twin_alone_condemns_no_probe() -> None:
    tag = Tag("R1", "pH", "pH", "1", 2.0, 12.0, 0.01)

    def probe(value: float, half: float, findings: dict[str, int] | None = None, lab: bool = True) -> Probe:
        seen = Beside(9, Interval(value, value - half, value + half), Interval(0.0, -1.0, 1.0))
        sides = (seen, Beside(0)) if lab else (Beside(2), seen)
        return Probe(tag, tag.accuracy, True, *sides, findings or {})

    doubtful, sure, worse = probe(0.5, 0.6, {"drift": 1}), probe(-0.05, 0.01), probe(0.06, 0.01)
    twin_only, cleared = probe(0.9, 0.1, lab=False), probe(0.001, 0.5 * tag.accuracy, {"drift": 1})
    ranked = sorted([doubtful, twin_only, cleared, sure, worse], key=lambda p: p.urgency, reverse=True)
    assert ranked == [worse, sure, twin_only, doubtful, cleared]
    assert [p.due for p in ranked] == [True, True, False, False, False]
    assert [p.check for p in ranked] == [False, False, True, True, False], (
        "a laboratory in doubt clears nothing"
    )
    assert doubtful.life is None


@pytest.mark.parametrize(
    ("recalibrate", "check", "told"),
    [
        ([None, None], [False, False], "recalibrate nothing"),
        ([1, None], [False, False], "recalibrate R1.pH"),
        ([1, None], [False, True], "recalibrate R1.pH; compare R1.pO2 with a reference"),
        ([None, None], [True, False], "nothing to recalibrate for sure; compare R1.pH with a reference"),
    ],
)
def test_the_heading_names_what_is_to_be_done(
    recalibrate: list[int | None], check: list[bool], told: str
) -> None:
    rows = [
        {
            **dict.fromkeys(probes_table.COLUMNS),
            "findings": "",
            "tag": tag,
            "recalibrate": place,
            "check": doubt,
        }
        for tag, place, doubt in zip(("R1.pH", "R1.pO2"), recalibrate, check, strict=True)
    ]
    made = probes_table.sheet({"line": "l", "probes": rows, "response_time": ""})
    assert made.title == f"Line l: {told}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Five days of one vessel whose pH probe drifts by 0.12 a day, a sample every day."""
    out = tmp_path_factory.mktemp("run") / "run.parquet"
    demo = load_scenario(packaged("demo"))
    drift = FaultSpec(kind="pH_drift", at_h=3.0, size=0.005)
    vessel = demo.vessels[0].model_copy(update={"faults": (drift,)})
    changes = {"seed": 9503, "duration_h": 122.5, "period_s": 240, "vessels": (vessel,)}
    simulate(demo.model_copy(update=changes), out)
    return out, Path(f"{out.with_suffix('')}.assays.parquet")


@pytest.fixture(scope="module")
def run(files: tuple[Path, Path]) -> Run:
    return twin.open(files[0], assays=files[1], line=LINE, vessels="R101")


@pytest.mark.timeout(500)  # the run is followed by the twin first
def test_a_drift_that_was_put_in_is_told_with_its_size(run: Run) -> None:
    rows = {r["tag"]: r for r in run.probe_health().to_pylist()}
    first = rows["R101.pH"]
    assert first["recalibrate"] == 1.0
    assert (first["judged_by"], first["in_a_loop"]) == ("laboratory", 1.0)
    assert first["lab_drift_per_day_low"] <= 0.12 <= first["lab_drift_per_day_high"]
    assert first["lab_drift_per_day"] == pytest.approx(0.12, rel=0.25)
    assert first["lab_error_low"] <= 0.6 <= first["lab_error_high"]
    assert first["life_days"] == 0.0
    assert rows["R101.pCO2"]["recalibrate"] is None
    assert "R101.weight" not in rows, "the twin follows the scale and can not judge it"


def test_a_wider_limit_takes_a_probe_from_the_list_and_a_wrong_one_is_refused(run: Run) -> None:
    told = probes_table.of_stored(run.recording, run.line, {"pH": 2.0})["probes"]
    wide = next(r for r in told if r["tag"] == "R101.pH")
    assert wide["recalibrate"] is None
    assert wide["error_over_limit"] < 1.0
    assert 1.0 < wide["life_days"] < 100.0
    with pytest.raises(ConfigError, match="has no probe VCD"):
        probes_table.of_stored(run.recording, run.line, {"VCD": 1.0})
    with pytest.raises(ConfigError, match="number above 0"):
        run.probe_health({"pH": -0.1})


def test_the_next_sample_of_a_notebook_is_ranked(run: Run) -> None:
    rows = run.next_samples("R101", at=60.0).to_pylist()
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))
    assert [r["worth"] for r in rows] == sorted((r["worth"] for r in rows), reverse=True)
    assert rows[0]["share"] > 0.05
    assert rows[0]["sd_after"] < rows[0]["sd_before"]


def test_the_commands_write_what_they_print(files: tuple[Path, Path], tmp_path: Path) -> None:
    bare = tmp_path / "bare.yaml"  # the laboratory judges without a model too
    bare.write_text(LINE.read_text().replace("    process: {kind: cho_fedbatch}\n", ""))
    runs = [str(files[0]), "--assays", str(files[1])]
    outs = [tmp_path / "p.json", tmp_path / "n.csv"]
    probes = CliRunner().invoke(
        app, ["probe-health", *runs, "--line", str(bare), "--vessels", "R101", "--out", str(outs[0])]
    )
    assert probes.exit_code == 0, probes.output
    assert "recalibrate R101.pH" in probes.output
    assert json.loads(outs[0].read_text())["probes"][0]["tag"] == "R101.pH"
    ask = ["next-sample", *runs, "--line", str(LINE), "--vessel", "R101", "--at", "6h", "--out", str(outs[1])]
    sample = CliRunner().invoke(app, ask)
    assert sample.exit_code == 0, sample.output
    best = next(csv.DictReader(outs[1].read_text().splitlines()))
    assert f"{best['assay'].partition('.')[2]} in {float(best['in_h']):g} h" in sample.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("probe-health", "--limit", "pH", "x.parquet"), "TAG=ERROR"),
        (("probe-health", "--out", "table.xlsx", "x.parquet"), ".md, .json, .csv"),
        (("next-sample", "--vessel", "R999", "x.parquet"), "R999"),
    ],
)
def test_what_is_not_usable_is_refused(arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, [*arguments, "--line", str(LINE)])
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
