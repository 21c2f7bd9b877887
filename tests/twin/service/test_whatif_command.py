"""`twin what-if`: the twin is asked at a moment of a stored run, with what was known then."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.scenario import load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.errors import ConfigError, InputError
from twin.domain.whatif import Change, WhatIf
from twin.service.cli import app
from twin.service.whatif import load_scenarios, parsed

LINE = str(Path(__file__).resolve().parents[3] / "seeds/lines/demo.yaml")
MORE = "more: feed_factor=1.5"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight hours of the demonstration's plant."""
    out = tmp_path_factory.mktemp("run") / "run.parquet"
    simulate(load_scenario(packaged("demo")).model_copy(update={"duration_h": 8.0}), out)
    return out


def asked(run: Path, *more: str, vessel: str = "R102") -> str:
    assays = f"{run.with_suffix('')}.assays.parquet"
    command = ["what-if", str(run), "--assays", assays, "--line", LINE, "--vessel", vessel, *more]
    result = CliRunner().invoke(app, command)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_the_answer_has_the_run_as_it_is_and_every_scenario(run: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "answer.json", tmp_path / "scenarios.yaml"
    file.write_text(
        "schema: 1\nscenarios:\n  - {name: less, changes: [{what: feed_factor, value: 0.5, in_h: 1}]}\n"
    )
    told = asked(run, "--at", "6h", "--try", MORE, "--scenarios", str(file), "--out", str(out))
    assert [name for name in ("as it is", "less", "more") if name in told] == ["as it is", "less", "more"]
    answer = json.loads(out.read_bytes())
    assert [each["name"] for each in answer["scenarios"]] == ["less", "more"]
    assert answer["base"]["made"] == answer["scenarios"][0]["made"] == "2026-01-01T06:00:00.000Z"

    def glucose(forecast: dict) -> float:
        return forecast["bands"]["R102.est_glucose"]["middle"][24]

    less, more = answer["scenarios"]
    assert glucose(less) < glucose(answer["base"]) < glucose(more)


def test_what_came_later_is_not_known(run: Path, tmp_path: Path) -> None:
    early, cut = tmp_path / "early.json", tmp_path / "cut.json"
    short = tmp_path / "short.parquet"
    simulate(load_scenario(packaged("demo")).model_copy(update={"duration_h": 6.0}), short)
    asked(run, "--at", "2026-01-01T05:00:00Z", "--try", MORE, "--out", str(early))
    asked(short, "--at", "5h", "--try", MORE, "--out", str(cut))
    assert early.read_bytes() == cut.read_bytes()


def test_the_list_says_what_may_be_changed(run: Path) -> None:
    told = asked(run, "--at", "4h", "--list")
    assert "feed_sp" in told
    assert "kla_loss" in told
    assert "harvest" in told


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--at", "1h", "--try", MORE], "can say nothing there yet"),
        (["--at", "5h"], "no scenario"),
        (["--at", "soon", "--try", MORE], "96h after the first value"),
        (["--at", "500h", "--try", MORE], "is after the last value of R102; --at 2026-01-01T0[78]:"),
        (["--at", "nanh", "--try", MORE], "96h after the first value"),
        (["--at", "infh", "--try", MORE], "96h after the first value"),
        (["--at", "1e9h", "--try", MORE], "96h after the first value"),
        (["--at", "-3h", "--try", MORE], "is not after the first value"),
        (["--at", "5h", "--try", "feed"], "'feed' is no change"),
        (["--at", "5h", "--try", "feed_factor=much"], "is no change"),
    ],
)
def test_what_will_not_do_is_refused_with_what_would(run: Path, more: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        asked(run, *more)


def test_a_knob_that_is_none_is_refused_before_anything_is_written(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.json"
    with pytest.raises(InputError, match="near it: feed_factor"):
        asked(run, "--at", "5h", "--try", "x: feed_facto=2", "--out", str(out))
    assert not out.exists()


def test_a_scenario_in_words_has_a_name_or_is_named_by_its_changes() -> None:
    assert parsed("more feed: feed_factor=1.3@12 harvest=320") == WhatIf(
        "more feed", (Change("feed_factor", 1.3, 12.0), Change("harvest", 320.0))
    )
    assert parsed("pH_sp=6.9").name == "pH_sp=6.9"


def test_every_fault_of_a_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("schema: 2\nscenarios: [{name: '', changes: [{what: a, valu: 1}]}]\n")
    with pytest.raises(ConfigError) as caught:
        load_scenarios(file)
    assert all(part in str(caught.value) for part in ("schema", "name", "valu"))
