"""`twin.open`: a stored run as tables; what is asked wrongly is refused in words."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import twin
from simulators.scenario import FaultSpec, load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.errors import ConfigError, InputError, NotFoundError
from twin.service.cli import app
from twin.service.notebook import Run

LINE = Path(__file__).resolve().parents[3] / "seeds/lines/demo.yaml"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three and a half hours of one vessel whose pO2 probe dies after one."""
    out = tmp_path_factory.mktemp("run") / "run.parquet"
    demo = load_scenario(packaged("demo"))
    dead = (FaultSpec(kind="dead", at_h=1.0, tag="pO2"),)
    vessel = demo.vessels[0].model_copy(update={"faults": dead})
    simulate(demo.model_copy(update={"duration_h": 3.5, "vessels": (vessel,)}), out)
    return out, Path(f"{out.with_suffix('')}.assays.parquet")


@pytest.fixture(scope="module")
def run(files: tuple[Path, Path]) -> Run:
    return twin.open(files[0], assays=files[1], line=LINE, vessels="R101")


def test_every_value_is_there_once_and_says_when_it_was_known(run: Run) -> None:
    table = run.measurements()
    assert table.num_rows == run.counts()["stored"] == run.counts()["received"]
    assert table.column_names == ["time", "known", "tag", "value", "quality"]
    samples = run.measurements("R101.glucose").to_pylist()
    assert samples[0]["known"] > samples[0]["time"] + timedelta(minutes=10), "known when it was reported"
    assert run.measurements("R101.glucose", at=0.1).num_rows == 0
    assert "R101.pH" in run.tags
    assert (run.start, run.vessels) == (START, ["R101"])


def test_findings_and_beliefs_are_those_of_the_moment(run: Run) -> None:
    told = [(e["kind"], e["tag"], e["stage"]) for e in run.events().to_pylist()]
    assert ("dead", "R101.pO2", "confirmed") in told
    assert run.events(at=0.9).num_rows == 0
    early, late = (run.estimates("R101.est_VCD", at=at) for at in (1.0, None))
    assert 0 < early.num_rows < late.num_rows
    assert early.to_pylist() == late.to_pylist()[: early.num_rows]
    assert late["unit"][0].as_py() == "10*6/mL"


def test_a_moment_is_hours_a_time_or_a_text(run: Run) -> None:
    moments = (3.0, START + timedelta(hours=3), "2026-01-01T03:00:00Z")
    made = {run.forecast("R101", at=at).made for at in moments}
    assert len(made) == 1
    assert START + timedelta(hours=2.7) < made.pop() <= START + timedelta(hours=3)


def test_scenarios_are_told_beside_the_run_as_it_was(run: Run) -> None:
    found = run.what_if("R101", {"more": {"feed_factor": 2.0}, "late": {"kla_loss": (-30, 5)}}, at=3)
    assert [row["scenario"] for row in found.ends().to_pylist()] == ["as it is", "more", "late"]
    bands = found.bands("R101.est_glucose").to_pylist()
    at = {row["scenario"]: row["middle"] for row in bands if row["time"] == found.made + timedelta(hours=24)}
    assert at["more"] > at["as it is"] == pytest.approx(at["late"], rel=0.05)
    assert {"scenario", "tag", "probability"} <= set(found.exits().column_names)
    assert "feed_factor" in run.knobs("R101", at=3)["what"].to_pylist()


def test_what_is_asked_wrongly_is_refused_in_words(run: Run, files: tuple[Path, Path]) -> None:
    for wrong, words in (
        (lambda: run.measurements("R101.ph"), "no tag 'R101.ph'"),
        (lambda: run.estimates("R101.est_vcd"), "no estimate"),
        (lambda: run.forecast("R9"), "no vessel 'R9'"),
        (lambda: run.forecast("R101", at=0.5), "could say nothing"),
    ):
        with pytest.raises(NotFoundError, match=words):
            wrong()
    for at, words in (
        (99, "is not in the run"),
        ("soon", "ISO 8601"),
        (float("nan"), "at=nan: a finite number of hours"),
        (float("inf"), "at=inf: a finite number of hours"),
        (1e300, "a finite number of hours"),
        (START.replace(tzinfo=None), "no time zone"),
    ):
        with pytest.raises(InputError, match=words):
            run.events(at=at)
    with pytest.raises(InputError, match="near it: feed_factor"):
        run.what_if("R101", {"x": {"feed_facto": 1.0}})
    with pytest.raises(InputError, match="and not both"):
        twin.open(files[0], line=LINE, store=True)
    with pytest.raises(ConfigError, match="no such file"):
        twin.open("nowhere.parquet", line=LINE)
    with pytest.raises(AttributeError, match="no attribute 'opened'"):
        twin.opened  # noqa: B018


def test_nothing_is_asked_of_a_vessel_of_which_nothing_came_any_more(files: tuple[Path, Path]) -> None:
    table = pq.read_table(files[0])
    other = table.filter(pc.less(table["time"], pc.add(pc.min(table["time"]), timedelta(hours=3))))
    rows = other.set_column(
        other.schema.get_field_index("tag"),
        "tag",
        pc.replace_substring(other["tag"].cast("string"), "R101.", "R102."),
    )
    short = files[0].with_name("short.parquet")
    pq.write_table(rows, short)
    both = twin.open(files[0], short, line=LINE, vessels="R101 R102")
    end = START + timedelta(hours=3)
    assert end - timedelta(minutes=5) < both.forecast("R102").made <= end, "the end is that of its own values"
    assert both.what_if("R102", {"more": {"feed_factor": 2.0}}, at=3.03)
    with pytest.raises(InputError, match="is after the last value of R102; 2026-01-01T0"):
        both.what_if("R102", {"more": {"feed_factor": 2.0}}, at=3.2)
    assert both.what_if("R101", {"more": {"feed_factor": 2.0}}, at=3.2)


def test_a_run_of_which_nothing_can_be_stored_is_refused_with_the_reasons(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pq.read_table(files[1])
    place = table.schema.get_field_index("tag")
    other = files[0].with_name("other.parquet")
    named = pc.replace_substring(table["tag"].cast("string"), "R101.", "R999.")
    pq.write_table(table.set_column(place, "tag", named), other)
    with pytest.raises(InputError, match="values came, and none can be stored") as told:
        twin.open(other, line=LINE)
    assert f"quarantined: unknown_tag: {table.num_rows}, such as " in str(told.value)
    assert "R999." in str(told.value)

    def opened(*_: object) -> None:
        raise AssertionError("pages were opened")

    monkeypatch.setattr("twin.service.play.serve.open_play", opened)
    result = CliRunner().invoke(app, ["play", str(other), "--line", str(LINE), "--port", "0"])
    assert isinstance(result.exception, ConfigError)
    assert "nothing of it can be stored" in str(result.exception)
    assert "quarantined: unknown_tag" in result.stdout


def test_it_opens_where_a_loop_runs_already(files: tuple[Path, Path]) -> None:
    async def cell() -> Run:
        return twin.open(files[1], line=LINE, vessels="R101")

    assert asyncio.run(cell()).counts()["stored"] > 0
