"""Forecasts: an ensemble from a belief, checked where the answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from twin.domain.asset import Vessel
from twin.domain.batch import Batch
from twin.domain.forecast import Forecast, Outlook, kept
from twin.domain.tag import Limits, Tag, TagKind
from twin.engine.forecast import HOUR, PAIRS, Forecaster, Present, members
from twin.observers.ukf import Belief
from twin.processes import cho_fedbatch, cho_growth
from twin.processes.base import Array, Output, Process, Quantity, State

T0 = 1_767_225_600_000_000_000


class Line:
    """A quantity that rises by its slope; everything about it is known in closed form."""

    id, version, frame_s = "line", "1", 60.0
    states = (State("level", "1", 0.0, 1.0, 0.0), State("slope", "1/h", 0.1, 0.01, 0.0))
    inputs = ()
    outputs = (Output("level", "1", 0.1),)
    quantities = (Quantity("est_level", "1"),)
    parameters = ()
    hypotheses = ()

    def begin(self, batch: Batch | None, age_h: float) -> tuple[Array, Array]:
        return np.array([0.0, 0.1]), np.array([1.0, 0.01])

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        return np.stack([x[..., 0] + hours * x[..., 1], x[..., 1]], axis=-1)

    def observe(self, x: Array, u: Array) -> Array:
        return x[..., :1]

    def derive(self, x: Array, u: Array) -> Array:
        return x[..., :1]


def vessel(hours: float = 200.0, **limits: float) -> Vessel:
    tag = Tag("R1", "level", "", "1", -1e3, 1e3, 0.1, limits=Limits(**limits))
    return Vessel("R1", {"en": "R1"}, (tag,), "line", {}, Batch("b", T0, 1.0, 0.0, hours))


def present(mean: list[float], sd: list[float], drift: float = 0.0) -> Present:
    n = len(mean)
    drifts = np.zeros(n)
    drifts[0] = drift
    return Present(
        Belief(np.array(mean), np.diag(np.array(sd) ** 2)),
        np.zeros(0),
        drifts,
        np.zeros(n),
        np.zeros(0, bool),
    )


def assays(process: Process) -> NDArray[np.bool_]:
    return np.array([o.assay for o in process.outputs], dtype=bool)


def outlook(forecast: Forecast, name: str) -> Outlook:
    return next(o for o in forecast.outlooks if o.name == name)


def test_the_band_of_a_linear_model_is_the_exact_one():
    forecast = Forecaster(vessel(), Line()).make(T0, present([0.0, 0.1], [0.5, 0.02]), {})
    band = outlook(forecast, "R1.est_level")
    for hours in (0, 24, 72, 198):
        i = forecast.times_ns.index(T0 + hours * HOUR)
        sd = math.hypot(0.5, 0.02 * hours)
        assert band.middle[i] == pytest.approx(0.1 * hours, abs=0.25 * sd)
        assert (band.high[i] - band.low[i]) / 2 / 1.645 == pytest.approx(sd, rel=0.25)


def test_the_members_have_the_mean_and_covariance_of_the_belief():
    first, kicks = members(5)
    assert first.mean(axis=0) == pytest.approx(0.0, abs=1e-12)
    assert first.T @ first / (2 * PAIRS) == pytest.approx(np.eye(5), abs=1e-9)
    assert kicks.mean(axis=1) == pytest.approx(0.0, abs=1e-12)
    assert (kicks**2).mean(axis=1) == pytest.approx(1.0)


def test_a_random_walk_widens_with_the_square_root_of_time():
    walking = Line()
    walking.states = (State("level", "1", 0.0, 1.0, 0.3), State("slope", "1/h", 0.0, 0.01, 0.0))
    forecast = Forecaster(vessel(), walking).make(T0, present([0.0, 0.0], [1e-6, 1e-6]), {})
    band = outlook(forecast, "R1.est_level")
    for hours in (24, 72, 198):
        i = forecast.times_ns.index(T0 + hours * HOUR)
        assert (band.high[i] - band.low[i]) / 3.29 == pytest.approx(0.3 * math.sqrt(hours), rel=0.25)


def test_when_a_limit_is_left_is_the_first_passage():
    forecaster = Forecaster(vessel(high=2.0), Line())
    forecast = forecaster.make(T0, present([0.0, 0.1], [1e-6, 1e-6]), {})
    (leaves,) = forecast.exits
    assert leaves.likely_ns is not None
    assert (leaves.likely_ns - T0) / HOUR == pytest.approx(20.0, abs=1.0)
    assert leaves.probability == 1.0
    unsure = forecaster.make(T0, present([0.0, 0.1], [0.5, 1e-6]), {}).exits[0]
    assert unsure.likely_ns is not None
    assert unsure.sure_ns is not None
    assert (unsure.likely_ns - T0) / HOUR == pytest.approx(20.0, abs=2.0)
    assert (unsure.sure_ns - T0) / HOUR == pytest.approx(24.2, abs=2.0)


def test_a_limit_that_is_passed_already_or_never_is_no_forecast():
    forecaster = Forecaster(vessel(high=2.0), Line())
    assert forecaster.make(T0, present([5.0, 0.1], [0.1, 1e-6]), {}).exits == ()
    assert forecaster.make(T0, present([0.0, 0.0], [0.1, 1e-6]), {}).exits == ()


def test_a_standing_drift_goes_on_for_a_day():
    forecast = Forecaster(vessel(high=99.0), Line()).make(
        T0, present([0.0, 0.0], [1e-3, 1e-6], drift=0.2), {}
    )
    (level,) = [each for each in forecast.outlooks if "level" in each.name]
    assert level.middle[-1] == pytest.approx(0.2 * 24.0, abs=0.1)


def test_a_standing_drift_goes_on():
    forecaster = Forecaster(vessel(high=2.0), Line())
    (leaves,) = forecaster.make(T0, present([0.0, 0.0], [1e-3, 1e-6], drift=0.2), {}).exits
    assert leaves.likely_ns is not None
    assert (leaves.likely_ns - T0) / HOUR == pytest.approx(10.0, abs=1.0)


@pytest.mark.parametrize(("hours", "reach"), [(200.0, 200.0), (1.0, 24.0), (5000.0, 504.0)])
def test_it_reaches_to_the_planned_end_within_bounds(hours: float, reach: float):
    forecast = Forecaster(vessel(hours), Line()).make(T0, present([0.0, 0.1], [0.1, 0.01]), {})
    assert (forecast.times_ns[-1] - T0) / HOUR == pytest.approx(reach)
    assert list(forecast.times_ns) == sorted(set(forecast.times_ns))


CULTURE = Vessel(
    "R1",
    {"en": "R1"},
    (
        Tag("R1", "pH", "pH", "1", 2, 12, 0.01, limits=Limits(6.8, 6.9, 7.25, 7.4)),
        Tag("R1", "viability", "", "%", 0, 100, 0.3, kind=TagKind.ASSAY, limits=Limits(low=60.0)),
    ),
    "cho_fedbatch",
    {},
    Batch("b", T0, 2.0, 0.4),
)


def culture(age_h: float, lies: float = 0.0, drift: float = 0.0) -> tuple[Forecaster, Present]:
    process = cho_fedbatch.build({})
    mean, sd = process.begin(CULTURE.batch, age_h)
    names = [s.name for s in process.states]
    mean[names.index("log_kLa")] = 1.5
    inputs = np.array([i.default for i in process.inputs])
    inputs[0] = 0.01
    offs, rates = np.zeros(len(names)), np.zeros(len(names))
    offs[names.index("pH_bias")], rates[names.index("pH_bias")] = lies, drift
    mean[names.index("pH_bias")] += lies
    return Forecaster(CULTURE, process), Present(
        Belief(mean, np.diag((0.1 * sd) ** 2)), inputs, rates, offs, ~assays(process)
    )


def test_with_a_drifting_pH_probe_in_the_loop_the_true_pH_leaves_its_limits():
    forecaster, here = culture(72.0, lies=0.05, drift=0.01)
    forecast = forecaster.make(T0 + 72 * HOUR, here, {"pH_sp": 7.05, "pO2_sp": 40.0})
    (leaves,) = [e for e in forecast.exits if e.tag == "R1.pH"]
    assert leaves.likely_ns is not None
    hours = (leaves.likely_ns - forecast.made_ns) / HOUR
    assert 6.0 < hours < 16.0, "7.05 + 0.04 - 0.05 - 0.01 t reaches 6.9 between 6 h and 14 h"
    honest, true = outlook(forecast, "R1.pH"), outlook(forecast, "R1.est_pH_true")
    assert honest.middle[10] == pytest.approx(true.middle[10], abs=0.03)
    healthy, here = culture(72.0)
    again = healthy.make(T0 + 72 * HOUR, here, {"pH_sp": 7.05, "pO2_sp": 40.0})
    assert [e for e in again.exits if e.tag == "R1.pH" and e.probability > 0.5] == []


def test_the_loops_keep_pO2_while_the_gas_can_carry_it():
    forecaster, here = culture(72.0)
    band = outlook(forecaster.make(T0 + 72 * HOUR, here, {"pH_sp": 7.05, "pO2_sp": 40.0}), "R1.est_pO2_true")
    assert band.middle[3] == pytest.approx(40.0, abs=2.0)


def test_the_same_belief_gives_the_same_forecast_and_set_points_matter():
    forecaster, here = culture(72.0)
    one = forecaster.make(T0, here, {"pH_sp": 7.05, "pO2_sp": 40.0})
    assert one == forecaster.make(T0, here, {"pH_sp": 7.05, "pO2_sp": 40.0})
    other = forecaster.make(T0, here, {"pH_sp": 6.95, "pO2_sp": 40.0})
    assert outlook(one, "R1.pH").middle[5] - outlook(other, "R1.pH").middle[5] == pytest.approx(0.1, abs=0.04)


def test_the_harvest_comes_as_planned_or_when_viability_ends_it():
    _, here = culture(72.0)
    hardy = cho_fedbatch.build({"kd1": 0.002})
    end = Forecaster(CULTURE, hardy).make(T0 + 72 * HOUR, here, {}).harvest
    assert end is not None
    assert (end.at_ns - T0) / HOUR == pytest.approx(336.0)
    assert (end.reason, len(end.titre)) == ("plan", 3)
    process = cho_fedbatch.build({"kd0": 0.01})
    end = Forecaster(CULTURE, process).make(T0 + 72 * HOUR, here, {}).harvest
    assert end is not None
    assert end.reason == "viability"
    assert end.early_ns <= end.at_ns <= end.late_ns < T0 + 336 * HOUR


def test_a_model_without_loops_holds_its_inputs():
    process = cho_growth.build({})
    mean, sd = process.begin(CULTURE.batch, 48.0)
    nothing = np.zeros(len(mean))
    here = Present(Belief(mean, np.diag((0.1 * sd) ** 2)), np.zeros(0), nothing, nothing, ~assays(process))
    forecast = Forecaster(replace(CULTURE, process="cho_growth"), process).make(T0 + 48 * HOUR, here, {})
    assert {o.name for o in forecast.outlooks} == {f"R1.{q.name}" for q in process.quantities}
    assert forecast.harvest is not None
    assert forecast.harvest.titre == ()


def test_what_is_stored_of_a_forecast_lies_at_the_time_it_was_made_for():
    forecast = Forecaster(vessel(), Line()).make(T0, present([0.0, 0.1], [0.5, 0.02]), {})
    rows = {e.name: e for e in kept(forecast)}
    assert rows["R1.est_level@24h"].time_ns == T0 + 24 * HOUR
    assert rows["R1.est_level@72h"].mean == pytest.approx(7.2, abs=0.5)
    assert rows["R1.harvest@harvest"].mean == pytest.approx(200.0)
