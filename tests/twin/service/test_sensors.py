"""`twin soft-sensors`: figures by hand, predictions that no result of their own has moved, refusals."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

import twin
from simulators.scenario import load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.errors import ConfigError
from twin.service import sensors_table, sheet
from twin.service.cli import app
from twin.service.notebook import Run
from twin.service.sensors import BAND, Band, Sensor, band, pooled, row, stem
from twin.service.sensors_stored import stored_sensors

LINE = Path(__file__).resolve().parents[3] / "seeds/lines/demo.yaml"
TINY = {
    "schema": 1,
    "id": "tiny",
    "line": "ecoli",
    "seeds": {"tuning": "1000..1999", "scoring": "7100..7101"},
    "base": {"kind": "ecoli_fedbatch", "hours": 5, "start_h": 4},
    "healthy": [{"batches": 1}],
    "faults": [{"kind": "kLa_loss", "batches": 1, "onset_h": [1, 2]}],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Twenty-six hours of one healthy vessel: two samples."""
    out = tmp_path_factory.mktemp("run") / "run.parquet"
    demo = load_scenario(packaged("demo"))
    vessel = demo.vessels[0].model_copy(update={"faults": ()})
    simulate(demo.model_copy(update={"duration_h": 26.5, "period_s": 120, "vessels": (vessel,)}), out)
    return out, Path(f"{out.with_suffix('')}.assays.parquet")


@pytest.fixture(scope="module")
def run(files: tuple[Path, Path]) -> Run:
    return twin.open(files[0], assays=files[1], line=LINE, vessels="R101")


def found(*arguments: str) -> str:
    """What the command complains of."""
    result = CliRunner().invoke(app, ["soft-sensors", *arguments])
    assert result.exit_code != 0
    assert isinstance(result.exception, ConfigError)
    return str(result.exception)


def test_figures_are_those_of_the_definition() -> None:
    nothing = np.full(4, np.nan)
    mean, sd = np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 1.0 / BAND)
    true = np.array([1.0, 1.0, 5.0, 4.0])  # errors 0, 1, -2, 0; the band reaches to 1
    one = band(mean, sd, true, np.array([np.nan, 1.0, 1.0, 5.0]), np.array([np.nan, 1.0, 1.0, 5.0]))
    told = row(Sensor("m", "est_X", "g/L", (one, band(mean, sd, mean, nothing, nothing), Band())))
    assert (told["runs"], told["compared"], told["bias"], told["coverage90"]) == (2, 8, -0.125, 0.875)
    assert told["rmsep"] == pytest.approx(np.sqrt(5 / 8), rel=1e-3)
    assert (
        told["rmsep_last_assay_held"] == told["rmsep_persistence"] == pytest.approx(np.sqrt(17 / 3), rel=1e-3)
    )
    assert told["skill"] == pytest.approx(1 - 5 / 17, rel=1e-3), "of the references where something was held"
    assert told["rmsep_low"] is None, "two runs are too few for an interval"


def test_the_interval_is_of_runs_and_not_of_references() -> None:
    apart = tuple(Band(points=1000, squares=1000.0 * s) for s in (0.5, 1.0, 1.0, 1.0, 1.5, 1.0))
    alike = tuple(Band(points=2, squares=2.0) for _ in range(6))
    wide, none = (row(Sensor("m", "est_X", "1", runs)) for runs in (apart, alike))
    assert 0.8 < wide["rmsep_low"] < wide["rmsep"] == 1.0 < wide["rmsep_high"] < 1.15
    assert none["rmsep_low"] == none["rmsep_high"] == 1.0


def test_names_of_one_thing_share_a_stem() -> None:
    assert [stem(n) for n in ("est_pH_true", "pH_lab", "est_VCD", "RQ")] == ["pH", "pH", "VCD", "RQ"]


def test_a_result_does_not_move_its_own_prediction(
    run: Run, files: tuple[Path, Path], tmp_path: Path
) -> None:
    """The last VCD is doubled in the file: its error moves by just that, and nobody else's does."""
    assays = pq.read_table(files[1])
    mask = pc.equal(assays["tag"], "R101.VCD")
    last = pc.max(pc.filter(assays["time"], mask))
    hit = pc.and_(mask, pc.equal(assays["time"], last))
    value = pc.filter(assays["value"], hit)[0].as_py()
    doubled = pc.if_else(hit, pc.multiply(assays["value"], 2.0), assays["value"])
    place = assays.schema.get_field_index("value")
    other = tmp_path / "other.assays.parquet"
    pq.write_table(assays.set_column(place, assays.schema.field(place), doubled), other)
    changed = twin.open(files[0], assays=other, line=LINE, vessels="R101")
    before, after = (
        {s.name: pooled(s.runs) for s in stored_sensors(r.recording, r.line)[0]} for r in (run, changed)
    )
    assert before["est_VCD"].points >= 1
    assert after["est_VCD"].errors - before["est_VCD"].errors == pytest.approx(-value, abs=1e-9)
    assert {n: b for n, b in before.items() if n != "est_VCD"} == {
        n: b for n, b in after.items() if n != "est_VCD"
    }


def test_a_stored_run_is_compared_result_by_result(run: Run) -> None:
    sensors, counts = stored_sensors(run.recording, run.line)
    assert counts.results == counts.compared + counts.early + counts.untold
    by = {s.name: row(s) for s in sensors}
    samples = run.measurements("R101.glucose").to_pylist()
    settled = [s for s in samples if (s["time"] - run.start).total_seconds() >= 2 * 3600]
    foretold = run.estimates("R101.glucose").to_pylist()
    errors = []
    for sample in settled:
        told = next(e for e in foretold if e["time"] >= sample["time"])
        errors.append(told["mean"] - sample["value"])
    assert by["est_glucose"]["compared"] == len(errors) > 0
    assert by["est_glucose"]["bias"] == pytest.approx(np.mean(errors), rel=1e-3)
    assert by["est_pH_true"]["compared"] == by["est_VCD"]["compared"], "by the laboratory's pH"
    assert by["est_OUR"]["compared"] == 0
    table = run.soft_sensors()
    assert table.column_names[:3] == ["model", "sensor", "unit"]
    assert table.schema.field("rmsep").type == pa.float64()
    assert {r["sensor"]: r["bias"] for r in table.to_pylist()} == {n: r["bias"] for n, r in by.items()}


def test_a_campaign_makes_one_table_in_three_forms(tmp_path: Path) -> None:
    campaign = tmp_path / "tiny.yaml"
    campaign.write_text(yaml.safe_dump(TINY))
    outs = [tmp_path / f"table.{form}" for form in ("json", "csv", "md")]
    result = CliRunner().invoke(app, ["soft-sensors", str(campaign), "--out", str(outs[0])])
    assert result.exit_code == 0, result.output
    whole = json.loads(outs[0].read_text())
    assert whole["seeds"] == [7100], "the batch with a fault is left out"
    by = {s["sensor"]: s for s in whole["sensors"]}
    assert by["est_OUR"]["compared"] == 4, "hours 2 to 5"
    assert 0.5 < by["est_RQ"]["rmsep"] + 1.0 < 1.5
    assert by["est_CER"]["rmsep"] < 20.0
    for out in outs[1:]:
        sheet.write(sensors_table.sheet(whole), out)
    rows = list(csv.DictReader(outs[1].read_text().splitlines()))
    assert {r["sensor"]: float(r["rmsep"]) for r in rows if r["rmsep"]} == {
        n: s["rmsep"] for n, s in by.items() if s["rmsep"] is not None
    }
    lines = outs[2].read_text().splitlines()
    assert sum(line.startswith("| est_") for line in lines) == sum(s["compared"] > 0 for s in by.values())


def test_what_can_not_be_told_is_refused_in_words(files: tuple[Path, Path], tmp_path: Path) -> None:
    values, line = str(files[0]), str(LINE)
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(yaml.safe_dump({k: v for k, v in TINY.items() if k != "healthy"}))
    few = tmp_path / "few.parquet"
    pq.write_table(pq.read_table(values).slice(0, 50), few)
    assert "one campaign, such as quick" in found()
    assert "need --line LINE.yaml" in found(values)
    assert "need --line LINE.yaml" in found("quick", "--assays", str(files[1]))
    assert "`healthy: [{batches: 10}]` would do" in found(str(faulty))
    assert "no such file" in found("nowhere.parquet", "--line", line)
    assert "ends in .md, .json, .csv" in found("quick", "--out", str(tmp_path / "t.xlsx"))
    assert "goes with --assays" in found(str(few), "--line", line, "--vessels", "R101")
