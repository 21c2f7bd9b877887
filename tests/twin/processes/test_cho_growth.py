"""The growth model from counts: its laws, not its numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.domain.asset import Vessel
from twin.domain.batch import Batch
from twin.domain.errors import ModelError
from twin.domain.event import Kind, Stage, Verdict
from twin.domain.frame import Frame
from twin.domain.sample import Assay
from twin.engine.culture import CultureTwin
from twin.processes.cho_growth import STATES, build

S = {s.name: i for i, s in enumerate(STATES)}
MODEL = build({})
NOTHING = np.zeros(0)
HOUR = 3600 * 10**9


def state(viable=5.0, dead=0.1, **others):
    x = np.zeros(len(STATES))
    x[S["log_Xv"]], x[S["log_Xd"]] = np.log(viable), np.log(dead)
    for name, value in others.items():
        x[S[name]] = value
    return x


def run(x, hours, step=0.05, model=MODEL):
    for _ in range(round(hours / step)):
        x = model.advance(x, NOTHING, step)
    return x


def cells(x):
    return np.exp(x[..., S["log_Xv"]]), np.exp(x[..., S["log_Xd"]])


def test_who_dies_is_dead_not_gone():
    model = build({"mu0": 0.0, "lysis": 0.0})
    before, after = cells(state(decline=0.05)), cells(run(state(decline=0.05), 24.0, model=model))
    assert sum(after) == pytest.approx(sum(before), rel=2e-3)
    assert after[0] < 0.4 * before[0]


def test_a_thin_culture_doubles_by_its_rate_and_a_full_vessel_does_not_grow():
    model = build({"kd0": 0.0, "kd1": 0.0, "theta": 8.0})
    thin = cells(run(state(0.1, 1e-3), 10.0, model=model))[0]
    assert thin == pytest.approx(0.1 * np.exp(0.339), rel=1e-3)
    full = state(23.4, 1e-3)
    assert cells(run(full, 10.0, model=model))[0] == pytest.approx(23.4, rel=1e-3)


def test_halving_the_step_changes_next_to_nothing():
    coarse, fine = run(state(), 48.0, step=1.0), run(state(), 48.0, step=0.5)
    np.testing.assert_allclose(MODEL.observe(coarse, NOTHING), MODEL.observe(fine, NOTHING), rtol=0.01)


@given(
    st.lists(st.floats(-30.0, 30.0), min_size=len(STATES), max_size=len(STATES)),
    st.floats(1e-3, 24.0),
)
def test_any_belief_leads_to_finite_counts_within_their_bounds(values, hours):
    x = MODEL.advance(np.array(values), NOTHING, hours)
    density, viability = MODEL.observe(x, NOTHING)
    assert np.isfinite(x).all()
    assert density > 0.0
    assert 0.0 <= viability <= 100.0
    assert np.isfinite(MODEL.derive(x, NOTHING)).all()


def test_many_beliefs_at_once_are_the_same_as_one_by_one():
    many = np.stack([[state(v, 0.2), state(v, 1.0, decline=0.1)] for v in (0.3, 5.0, 20.0)])
    together = MODEL.derive(MODEL.advance(many, NOTHING, 1.0), NOTHING)
    alone = [[MODEL.derive(MODEL.advance(x, NOTHING, 1.0), NOTHING) for x in row] for row in many]
    np.testing.assert_allclose(together, alone)


def test_a_culture_first_seen_late_has_grown_and_is_less_certain():
    young, sure = MODEL.begin(Batch("b", 0, 1.0, 0.3), 0.0)
    old, unsure = MODEL.begin(Batch("b", 0, 1.0, 0.3), 72.0)
    assert old[S["log_Xv"]] - young[S["log_Xv"]] == pytest.approx(0.0335 * 72, rel=0.15)
    assert unsure[S["log_Xv"]] > 1.2 * sure[S["log_Xv"]]


def test_a_parameter_it_does_not_have_is_refused():
    with pytest.raises(ModelError, match="mu_max"):
        build({"mu_max": 0.04})


def counted(decline_from, seed, mu=1.0, hours=264):
    """Daily counts of a made-up culture (own law: logistic to 20e6/mL, linear viability), 5 % noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for h in range(0, hours, 24):
        density = 20.0 / (1.0 + 50.0 * np.exp(-0.036 * mu * h))
        viability = 98.0 - 0.02 * h - 0.08 * max(h - 190, 0)
        if h > decline_from:
            left = np.exp(-0.08 * (h - decline_from))
            density, viability = density * left, viability * left
        rows.append(
            (h, density * np.exp(0.05 * rng.standard_normal()), viability + 0.4 * rng.standard_normal())
        )
    return rows


def findings(rows):
    twin = CultureTwin(Vessel("V1", {}, (), "cho_growth"), build({}))
    due = {
        int(h): [Assay("V1.VCD", v, int(h) * HOUR, 0), Assay("V1.viability", w, int(h) * HOUR, 0)]
        for h, v, w in rows
    }
    found = []
    for h in range(max(due) + 1):
        found += twin.step(Frame((h - 1) * HOUR, h * HOUR, {}, tuple(due.get(h, ()))))[1]
    return [e for e in found if e.kind is Kind.DRIFT and e.stage is Stage.CONFIRMED]


@pytest.mark.parametrize("mu", [0.8, 1.0, 1.2])
def test_ordinary_cultures_raise_nothing(mu):
    assert [findings(counted(10**6, seed, mu)) for seed in range(3)] == [[], [], []]


@pytest.mark.parametrize("seed", range(3))
def test_a_culture_that_dies_is_the_process_by_the_first_count_that_shows_it(seed):
    (event,) = findings(counted(200, seed))
    assert event.t == 216 * HOUR
    assert event.verdict is Verdict.PROCESS
    assert event.causes[0].code == "culture_decline"
    assert 0.02 < event.size < 0.16
    assert event.since + HOUR >= 192 * HOUR
