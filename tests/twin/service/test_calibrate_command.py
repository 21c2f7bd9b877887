"""twin calibrate: from a file of counts to parameters a line file takes."""

import csv
from importlib.resources import files

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from twin.domain.errors import ConfigError
from twin.processes.cho_growth import PARAMETERS, build
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.registry.files import read

LINE = """
schema: 1
line: small
vessels:
  - fleet: {keys: [A-R1, A-R2, B-R1, B-R2, B-R3]}
    process: {kind: cho_growth}
    tags: {use: cho_counts}
files:
  time: hour
  format: hours
  epoch: 2024-01-01T00:00:00Z
  key: vessel
  values: [{column: vcd, tag: VCD}, {column: via, tag: viability}]
"""
KEEP = [f"--keep={name}" for name in ("X_max", "theta", "kd0", "kd1", "kd_power", "lysis", "viability_start")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four cultures that grow by 0.03/h and one at half of that, counted daily for eight days."""
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "line.yaml").write_text(LINE)
    rng = np.random.default_rng(3)
    with (folder / "counts.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["vessel", "hour", "vcd", "via"])
        for name in ("A-R1", "A-R2", "B-R1", "B-R2", "B-R3"):
            model = build({"mu0": 0.015 if name == "B-R3" else 0.03})
            x, _ = model.begin(None, 0.0)
            for hour in range(193):
                if hour % 24 == 0:
                    viable, viability = model.observe(x, np.zeros(0))
                    rows.writerow([name, hour, viable * np.exp(0.05 * rng.standard_normal()), viability])
                x = model.advance(x, np.zeros(0), 1.0)
    return folder


def calibrate(folder, out, *more):
    fixed = ["calibrate", str(folder / "counts.csv"), "--line", str(folder / "line.yaml")]
    return CliRunner().invoke(app, [*fixed, "--out", str(folder / out), *more])


@pytest.fixture(scope="module")
def written(folder):
    told = calibrate(folder, "P.yaml", "--fit", "A-R1 A-R2 B-R1 B-R2", "--leave-one-out", *KEEP)
    assert told.exit_code == 0, told.output
    return yaml.safe_load((folder / "P.yaml").read_text())


def test_a_line_file_takes_the_parameters_as_they_stand(folder, written):
    text = LINE.replace("process: {kind: cho_growth}", f"process: {written['process']}")
    (folder / "fitted.yaml").write_text(text)
    _, line = load_line(folder / "fitted.yaml")
    assert line.vessels[0].parameters["mu0"] == pytest.approx(0.03, rel=0.05)
    assert set(line.vessels[0].parameters) == {"mu0", "inoculum"}


def test_the_file_says_what_it_rests_on(written):
    assert [(r["run"], r["group"]) for r in written["runs"]] == [
        ("A-R1", "A"), ("A-R2", "A"), ("B-R1", "B"), ("B-R2", "B"),
    ]  # fmt: skip
    assert len({r["sha256"] for r in written["runs"]}) == 4
    assert written["files"][0]["name"] == "counts.csv"
    assert len(written["files"][0]["sha256"]) == 64
    low, high = written["estimates"]["mu0"]["interval_95"]
    assert low < written["process"]["parameters"]["mu0"] < high
    assert written["kept"] == {p.name: p.value for p in PARAMETERS if p.name not in ("mu0", "inoculum")}
    groups = written["leave_one_out"]["groups"]
    assert list(groups) == ["A", "B", "all"]
    assert groups["A"]["counts"] == groups["B"]["counts"] == 6, "hours 144, 168, 192 of two runs"


def test_the_file_is_taken_as_it_was_written_and_not_once_changed(folder, written, tmp_path):
    assert {rest.name for rest in read(folder / "P.yaml", fresh=True).rests_on} >= {"counts.csv", "A-R1"}
    (tmp_path / "P.yaml").write_text((folder / "P.yaml").read_text().replace("run: A-R1", "run: A-R9"))
    with pytest.raises(ConfigError, match="do not fit their content_sha256"):
        read(tmp_path / "P.yaml")


def test_what_does_not_do_is_refused_and_nothing_is_written(folder):
    refusals = {
        "no such parameter": ["--keep", "mu"],
        "names no vessel": ["--fit", "Z9"],
        "every parameter": [*KEEP, "--keep", "mu0", "--keep", "inoculum"],
    }
    for words, options in refusals.items():
        told = calibrate(folder, "none.yaml", *options)
        assert isinstance(told.exception, ConfigError)
        assert words in str(told.exception)
        assert not (folder / "none.yaml").exists()


def changed(folder, tmp_path, change):
    """The counts with every row changed."""
    with (folder / "counts.csv").open() as file:
        head, *rows = list(csv.reader(file))
    with (tmp_path / "counts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *(change(k, *row) for k, row in enumerate(rows))])
    (tmp_path / "line.yaml").write_text(LINE)
    return tmp_path


def test_counts_in_another_unit_are_refused(folder, tmp_path):
    cells = changed(folder, tmp_path, lambda k, v, h, vcd, via: [v, h, float(vcd) * 1e6, via])
    with pytest.raises(
        ConfigError, match=r"VCD: 45 of 45 counts .* outside the tag's range, 0 to 100 10\*6/mL"
    ):
        raise calibrate(cells, "P.yaml").exception
    shares = changed(folder, tmp_path, lambda k, v, h, vcd, via: [v, h, vcd, float(via) / 100])
    with pytest.raises(ConfigError, match=r"viability: all 45 counts .* are they fractions"):
        raise calibrate(shares, "P.yaml").exception
    assert not (tmp_path / "P.yaml").exists()


def test_counts_that_were_left_out_are_told_with_the_reason(folder, tmp_path):
    def spoilt(k, vessel, hour, vcd, via):
        return [vessel, hour, {3: "nan", 4: "lost", 5: 900.0}.get(k, vcd), 120.0 if k == 7 else via]

    told = calibrate(changed(folder, tmp_path, spoilt), "P.yaml", *KEEP)
    assert told.exit_code == 0, told.output
    assert "counts of VCD left out: 2 no number, 1 outside the tag's range" in told.output
    assert "counts of viability left out: 1 outside the tag's range" in told.output
    found = yaml.safe_load((tmp_path / "P.yaml").read_text())
    assert found["counts_left_out"]["VCD"] == {"no number": 2, "outside the tag's range": 1}
    assert sum(run["counts"] for run in found["runs"]) == 2 * 45 - 4


def test_nistcho_conditions_are_fitted_and_the_crash_stays_out_of_the_law(shared_data, tmp_path):
    line = files("seeds") / "lines" / "nistcho_fedbatch.yaml"
    data = shared_data / "nistcho_fedbatch" / "nistcho_vicell.csv"
    told = CliRunner().invoke(
        app,
        ["calibrate", str(data), "--line", str(line), "--out", str(tmp_path / "P.yaml"), "--keep", "lysis"],
    )
    assert told.exit_code == 0, told.output
    found = yaml.safe_load((tmp_path / "P.yaml").read_text())
    assert len(found["runs"]) == 34
    assert 0.027 < found["process"]["parameters"]["mu0"] < 0.034
    assert 20.0 < found["process"]["parameters"]["X_max"] < 26.0
    assert found["residuals"]["VCD"]["median_size"] < 0.6
    assert 10 < found["residuals"]["viability"]["beyond_3_sd"] < 40, "the collapse of conditions C and G"
