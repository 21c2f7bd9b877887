"""An at-line instrument beside the model: its reading counts for what it is worth, and no more."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from simulators.plant import Plant
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quality, Reading
from twin.domain.tag import Tag, TagKind
from twin.processes import cho_fedbatch, cho_growth
from twin.processes._beside import Instrument, beside
from twin.processes.base import Foreseeing, Process, model_ref
from twin.service.build import load_line
from twin.service.campaign import BaseSection, Plan, scenario_of
from twin.service.line import LineFile
from twin.service.model import process_of
from twin.service.trial import HOUR, START_NS, Follower, line_of, readings

RAMAN = Instrument("glucose_raman", "glucose", 0.5)
TAG = Tag("R101", "glucose_raman", "concentration", "g/L", 0.0, 50.0, 0.5, 600.0, 3600.0, like="glucose")
HOURS = 16.0
BASE = BaseSection(hours=HOURS, start_h=72, period_s=120)
PLAN = Plan(9431, HOURS, 72.0, None)


@pytest.fixture(scope="module")
def inner() -> Process:
    return cho_fedbatch.build({})


def test_the_model_itself_is_as_it_was(inner: Process) -> None:
    assert beside(inner, ()) is inner
    both = beside(inner, (RAMAN,))
    mean, _ = both.begin(None, 72.0)
    mean[-1] = 0.7
    u = np.array([i.default for i in inner.inputs])
    u[0] = 0.01
    own = mean[:-1]
    assert np.array_equal(both.advance(mean, u, 0.1)[:-1], inner.advance(own, u, 0.1))
    assert np.array_equal(both.derive(mean, u), inner.derive(own, u))
    read = both.observe(mean, u)
    assert np.array_equal(read[:-1], inner.observe(own, u))
    glucose = [o.name for o in inner.outputs].index("glucose")
    assert read[-1] == pytest.approx(read[glucose] + 0.7)
    assert both.advance(mean, u, 0.1)[-1] == 0.7
    assert model_ref(both).parameters != model_ref(inner).parameters, "events tell them apart"


def test_it_foresees_where_the_model_does(inner: Process) -> None:
    assert isinstance(beside(inner, (RAMAN,)), Foreseeing)
    growth = beside(cho_growth.build({}), (Instrument("capacitance", "VCD", 0.5),))
    assert not isinstance(growth, Foreseeing)


Followed = tuple[LineFile, Line, list[Reading], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def plant() -> Followed:
    """Most of a day of one healthy batch, and what was true."""
    line_file, line = load_line(files("seeds") / "lines" / "demo.yaml")
    run = Plant(scenario_of(PLAN, BASE))
    rows = readings(run.advance(HOURS * 3600.0))
    return line_file, replace(line, vessels=line.vessels[:1]), rows, run.truth()


def error(
    plant: Followed, bias: float | None, laboratory: bool = True, quality: Quality = Quality.GOOD
) -> float:
    """Root mean squared error of the glucose believed in the last 6 h [g/L], with spectra of that bias."""
    line_file, line, rows, truth = plant
    line = line_of(line, PLAN, BASE)
    rows = [r for r in rows if laboratory or r.address != "R101.glucose"]
    draw = np.random.default_rng(2)
    if bias is not None:
        line = replace(line, vessels=(replace(line.vessels[0], tags=(*line.vessels[0].tags, TAG)),))
        for minute in range(10, int(HOURS) * 60, 10):
            true = float(np.interp(minute * 60.0, truth["time_s"], truth["glucose"]))
            at = START_NS + minute * 60 * 1_000_000_000
            value = true + bias + 0.5 * float(draw.standard_normal())
            rows.append(Reading("raman", TAG.id, max(value, 0.0), quality, at, at))
    follower = Follower(line_file, line)
    follower.take(sorted(rows, key=lambda r: r.received_ns))
    follower.finish()
    since_ns = START_NS + int(HOURS - 6.0) * HOUR
    late = [e for e in follower.hourly if e.name == "R101.est_glucose" and e.time_ns > since_ns]
    seconds = [(e.time_ns - START_NS) / 1e9 for e in late]
    assert len(seconds) == 6
    off = np.array([e.mean for e in late]) - np.interp(seconds, truth["time_s"], truth["glucose"])
    return float(np.sqrt(np.mean(off**2)))


def test_spectra_help_where_no_laboratory_speaks_and_not_when_they_are_refused(plant: Followed) -> None:
    without = error(plant, None, laboratory=False)
    assert error(plant, 0.0, laboratory=False) < 0.7 * without
    refused = error(plant, 4.0, laboratory=False, quality=Quality.BAD)
    assert refused == pytest.approx(without, rel=1e-6), "of bad quality: shown, and never believed"


def test_spectra_that_lie_hardly_harm_where_the_laboratory_speaks(plant: Followed) -> None:
    """Eight times their accuracy off: the belief moves by less than one."""
    assert error(plant, 4.0) < error(plant, None) + 0.5


@pytest.mark.parametrize(
    "wrong",
    [{"like": "glucos"}, {"unit": "mmol/L"}, {"kind": TagKind.ASSAY}, {"name": "glucose"}],
    ids=str,
)
def test_a_tag_that_is_like_nothing_is_refused(wrong: dict[str, object]) -> None:
    _, line = load_line(files("seeds") / "lines" / "demo.yaml")
    vessel = replace(line.vessels[0], tags=(replace(TAG, **wrong),))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="VCD \\[10\\*6/mL\\]"):
        process_of(vessel)
