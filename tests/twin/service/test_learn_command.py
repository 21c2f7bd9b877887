"""twin learn and replay --normal: from files to a model to findings, the same bytes each time."""

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from rich.console import Console
from structlog.testing import capture_logs
from typer.testing import CliRunner

from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.measurement import Measurement, Quality
from twin.domain.people import Actor, Role
from twin.service import terminal
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.normal import load, watches
from twin.service.registry.book import ModelBook
from twin.service.registry.files import ModelFiles
from twin.service.selection import chosen

LINE = """
schema: 1
line: small
vessels:
  - fleet: {keys: 0..19, id: "B{key}"}
    tags:
      - {name: pH, quantity: pH, unit: "1", low: 2, high: 12, accuracy: 0.01}
      - {name: base, quantity: liquid flow, unit: L/h, low: -5, high: 50, accuracy: 0.1}
      - {name: pO2, quantity: pO2, unit: "%", low: 0, high: 200, accuracy: 0.5}
files:
  time: minute
  format: minutes
  epoch: 2024-01-01T00:00:00Z
  key: batch
  vessel: "B{key}"
  values: [{column: pH, tag: pH, scale: 0.01}, {column: base, tag: base}, {column: O2, tag: pO2}]
"""
MINUTES = 24 * 60
FAULTY_FROM = 12 * 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty runs of a day; the pO2 probe of B19 leaves the others from noon on."""
    folder = tmp_path_factory.mktemp("learn")
    rng = np.random.default_rng(5)
    parts = []
    for batch in range(20):
        cause = np.cumsum(rng.standard_normal(MINUTES)) * 0.02
        pO2 = 40 + 3 * cause + 0.5 * rng.standard_normal(MINUTES)
        if batch == 19:
            pO2[FAULTY_FROM:] += np.linspace(0, 40, MINUTES - FAULTY_FROM)
        pH = np.round(700 + 5 * cause + rng.standard_normal(MINUTES))
        base = 10 - cause + 0.1 * rng.standard_normal(MINUTES)
        parts.append(
            pa.table(
                {
                    "batch": np.full(MINUTES, batch),
                    "minute": np.arange(MINUTES),
                    "pH": pH.astype(int),
                    "base": base,
                    "O2": pO2,
                }
            )
        )
    pa_parquet.write_table(pa.concat_tables(parts), folder / "runs.parquet")
    (folder / "line.yaml").write_text(LINE)
    told = learn(folder, "NORMAL.model", "--fit", "B0-B9", "--calibrate", "B10-B17")
    assert told.exit_code == 0, told.output
    return folder


def learn(folder: Path, out: str, *more: str):
    fixed = ["learn", str(folder / "runs.parquet"), "--line", str(folder / "line.yaml")]
    return CliRunner().invoke(app, [*fixed, "--out", str(folder / out), "--false-alarms", "0.5", *more])


def replayed(folder: Path, vessels: str, out: str = "EVENTS.jsonl") -> bytes:
    told = CliRunner().invoke(
        app,
        ["replay", str(folder / "runs.parquet"), "--line", str(folder / "line.yaml"), "--normal",
         str(folder / "NORMAL.model"), "--vessels", vessels, "--out", str(folder / out)],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    return (folder / out).read_bytes()


def test_the_model_says_what_it_was_made_of_and_is_the_same_bytes_again(folder):
    assert learn(folder, "again.model", "--fit", "B0-B9", "--calibrate", "B10-B17").exit_code == 0
    assert (folder / "again.model").read_bytes() == (folder / "NORMAL.model").read_bytes()
    model, ref = load(folder / "NORMAL.model")
    assert [run["run"] for run in model.about["fitted_on"]] == [f"B{k}" for k in range(10)]
    assert len({run["sha256"] for run in model.about["fitted_on"]}) == 10
    assert model.about["stated_per_100h"] == 0.5
    assert len(ref.parameters) == 12


def test_it_tells_a_terminal_how_far_it_is(folder, monkeypatch):
    sent = io.StringIO()
    monkeypatch.setattr(terminal, "errors", Console(file=sent, force_terminal=True, width=100))
    assert learn(folder, "told.model", "--fit", "B0-B9", "--calibrate", "B10-B17").exit_code == 0
    for part in ("courses to read", "54/54", "runs to cut into windows", "18/18", "18 runs to learn from"):
        assert part in sent.getvalue(), part


def test_replay_tells_the_lying_probe_since_when_and_by_which_model(folder):
    events = [json.loads(line) for line in replayed(folder, "B19").splitlines()]
    found = [e for e in events if e["model"] and e["stage"] == "confirmed"]
    assert found[0]["tag"] == "B19.pO2"
    assert found[0]["verdict"] == "unknown", "without a model a lying probe and a changed process look alike"
    assert found[0]["causes"][0]["code"] == "normal_relation"
    assert found[0]["size"] > 0
    assert found[0]["model"]["parameters"] == load(folder / "NORMAL.model")[1].parameters
    assert "2024-01-01T09" < found[0]["since"] < "2024-01-01T14"
    assert "2024-01-01T12" < found[0]["t"] < "2024-01-01T15"
    assert 0 < found[0]["confidence"] <= 1
    assert found[0]["evidence"][0].startswith("normal.")
    assert replayed(folder, "B19", "again.jsonl") == (folder / "EVENTS.jsonl").read_bytes()


def test_a_good_run_that_was_held_back_is_quiet(folder):
    events = [json.loads(line) for line in replayed(folder, "B18", "good.jsonl").splitlines()]
    assert [e for e in events if e["model"]] == []


def rows(folder: Path, vessel: int) -> list[Measurement]:
    table = pa_parquet.read_table(folder / "runs.parquet", filters=[("batch", "=", vessel)]).to_pydict()
    scale = {"pH": ("pH", 0.01), "base": ("base", 1.0), "O2": ("pO2", 1.0)}
    return [
        Measurement(
            tag=f"B{vessel}.{tag}",
            time_ns=(1_704_067_200 + 60 * minute) * 10**9,
            value=number * by,
            quality=Quality.GOOD,
            received_ns=0,
        )
        for i, minute in enumerate(table["minute"])
        for column, (tag, by) in scale.items()
        for number in (table[column][i],)
    ]


def test_a_restart_from_the_kept_state_tells_the_same(folder):
    line = load_line(folder / "line.yaml")[1]
    watch_of = watches(line, folder, folder / "NORMAL.model")
    vessel = line.vessels[19]
    through, before, after = (watch_of(vessel) for _ in range(3))
    stream = rows(folder, 19)
    cut = 3 * 1100 + 1
    told = through.step(10**20, stream)
    end_ns = stream[cut - 1].time_ns
    first = before.step(end_ns, stream[:cut])
    after.restore(orjson.loads(orjson.dumps(before.snapshot(), option=orjson.OPT_SERIALIZE_NUMPY)))
    assert first + after.step(10**20, stream[cut:]) == told
    assert first
    assert told[-1] not in first


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda whole: whole[: len(whole) // 2], "is no model of good runs"),
        (lambda whole: b"time,tag\n", "is no model of good runs"),
    ],
)
def test_a_file_that_is_no_model_is_refused_in_words(folder, tmp_path, spoil, said):
    bad = tmp_path / "bad.model"
    bad.write_bytes(spoil((folder / "NORMAL.model").read_bytes()))
    with pytest.raises(ConfigError, match=said):
        load(bad)


def test_contents_that_were_changed_are_refused(folder, tmp_path):
    with np.load(folder / "NORMAL.model", allow_pickle=False) as stored:
        arrays = dict(stored)
    arrays["unit"] = arrays["unit"] * 100
    with (tmp_path / "loose.model").open("wb") as sink:
        np.savez(sink, **arrays)
    with pytest.raises(ConfigError, match="do not fit their hash"):
        load(tmp_path / "loose.model")


def test_a_run_can_not_both_be_fitted_on_and_set_the_threshold(folder):
    told = learn(folder, "shared.model", "--fit", "B0-B9", "--calibrate", "B9-B17")
    assert isinstance(told.exception, ConfigError)
    assert "B9" in str(told.exception)
    assert not (folder / "shared.model").exists()


def test_vessels_are_named_or_given_as_a_range(folder):
    line = load_line(folder / "line.yaml")[1]
    assert chosen(line, "B3 B8-B10, B12-14") == ["B3", "B8", "B9", "B10", "B12", "B13", "B14"]
    with pytest.raises(ConfigError, match="'B99' names no vessel"):
        chosen(line, "B99")
    assert "B0 or a range B0-" in refusal(line)
    alone = refusal(replace(line, vessels=line.vessels[:1]))
    assert alone.endswith("it has B0 alone; B0 would do"), "one vessel is named once, and is no range"


def refusal(line: Line) -> str:
    with pytest.raises(ConfigError) as caught:
        chosen(line, "B99")
    return str(caught.value)


def test_a_vessel_names_its_model_relative_to_the_lines_folder(folder, tmp_path):
    (tmp_path / "line.yaml").write_text(LINE.replace("    tags:", "    normal: NORMAL.model\n    tags:"))
    line = load_line(tmp_path / "line.yaml")[1]
    watch = watches(line, folder)(line.vessels[3])
    assert watch is not None
    assert watch.model.tags == ("pH", "base", "pO2")
    with pytest.raises(ConfigError, match="no such model"):
        watches(line, tmp_path)


def test_a_model_in_another_unit_is_refused(folder, tmp_path):
    (tmp_path / "line.yaml").write_text(LINE.replace("unit: L/h", "unit: mL/h"))
    line = load_line(tmp_path / "line.yaml")[1]
    with pytest.raises(ConfigError, match="base is in 'L/h' there, in 'mL/h' on vessel B0"):
        watches(line, folder, folder / "NORMAL.model")


def test_a_model_of_the_registry_decides_as_its_file_and_says_its_version(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path))
    ledger = SqliteLedger(tmp_path / "small" / "ledger.sqlite")
    book = ModelBook(ledger, ModelFiles(tmp_path / "small" / "models"), True, lambda: 1)
    sha256, contents = book._files.keep(folder / "NORMAL.model")
    assert {"fitted_on", "calibrated_with", "file"} == {each.part for each in contents.rests_on}
    assert dict(contents.values)["stated_per_100h"] == 0.5
    asyncio.run(book.propose("good-runs", sha256, "ten runs", Actor("emma", Role.ENGINEER)))
    line = tmp_path / "line.yaml"
    named = LINE.replace("    tags:\n", "    normal: {model: good-runs@1}\n    tags:\n", 1)
    line.write_text(named)
    out = tmp_path / "EVENTS.jsonl"
    fixed = [
        "replay",
        str(folder / "runs.parquet"),
        "--line",
        str(line),
        "--vessels",
        "B19",
        "--out",
        str(out),
    ]
    told = CliRunner().invoke(app, fixed)
    assert told.exit_code == 0, told.output
    events = [json.loads(row) for row in out.read_bytes().splitlines()]
    versions = {e["model"].pop("registered") for e in events if e["model"]}
    assert versions == {"good-runs@1"}
    by_file = [json.loads(row) for row in replayed(folder, "B19", "file.jsonl").splitlines()]
    assert events == by_file
    process = "    process: {kind: cho_growth, model: good-runs@1}\n    tags:\n"
    line.write_text(LINE.replace("    tags:\n", process, 1))
    wrong = CliRunner().invoke(app, fixed)
    assert "good-runs@1 is a normal model; a process model is needed there" in str(wrong.exception)
    ledger.close()


def renamed(tmp_path: Path, **tags: str) -> Path:
    """The line with tags under other names."""
    text = LINE
    for old, new in tags.items():
        text = text.replace(f"name: {old}", f"name: {new}").replace(f"tag: {old}", f"tag: {new}")
    (tmp_path / "line.yaml").write_text(text)
    return tmp_path / "line.yaml"


def test_a_model_of_another_line_is_refused_with_what_it_covers(folder, tmp_path):
    line = load_line(renamed(tmp_path, base="alkali", pO2="oxygen"))[1]
    with pytest.raises(ConfigError, match=r"1 of its 3 tags are on vessel B0 \(pH\); not there: base, pO2"):
        watches(line, folder, folder / "NORMAL.model")


def test_a_model_that_covers_a_part_is_taken_and_said_once(folder, tmp_path):
    line = load_line(renamed(tmp_path, pO2="oxygen"))[1]
    with capture_logs() as said:
        assert watches(line, folder, folder / "NORMAL.model")(line.vessels[0]) is not None
    assert [(e["covered"], e["absent"], len(e["vessels"])) for e in said] == [("pH, base", "pO2", 20)]
    with capture_logs() as said:
        watches(load_line(folder / "line.yaml")[1], folder, folder / "NORMAL.model")
    assert said == []


@pytest.mark.parametrize(
    ("command", "options"),
    [("learn", ["--out", "N.model"]), ("compare", ["--vessels", "B3", "--against", "B0-B2"])],
)
def test_laboratory_values_are_told_as_not_looked_at(tmp_path, monkeypatch, command, options):
    monkeypatch.chdir(tmp_path)
    line = LINE.replace("accuracy: 0.01}", "accuracy: 0.01, kind: assay}")
    line = line[: line.index("  values:")] + "  values: [{column: pH, tag: pH}]\n"
    (tmp_path / "line.yaml").write_text(line)
    (tmp_path / "counts.csv").write_text("batch,minute,pH\n0,0,7\n0,60,7.1\n1,0,7\n")
    told = CliRunner().invoke(app, [command, "counts.csv", "--line", "line.yaml", *options])
    assert isinstance(told.exception, ConfigError)
    assert str(told.exception).startswith(f"{command}: counts.csv: no online values of line small in them; ")
    assert "their 3 laboratory values (pH 3) are not looked at" in str(told.exception)
    assert "twin calibrate" in str(told.exception)
