"""The reduced perfusion model: what leaves, what stays, and that the fed-batch knows nothing of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.domain.batch import Batch
from twin.processes import cho_fedbatch, cho_perfusion
from twin.processes._outlet import CLOSED
from twin.processes.base import Foreseeing, Process

FED, MODEL = cho_fedbatch.build({}), cho_perfusion.build({})
S = {s.name: i for i, s in enumerate(MODEL.states)}
U = {i.name: k for k, i in enumerate(MODEL.inputs)}
Y = {o.name: k for k, o in enumerate(MODEL.outputs)}
Q = {q.name: k for k, q in enumerate(MODEL.quantities)}
N = len(FED.states)
WORDS = Path(__file__).parents[3] / "dashboards" / "web" / "src" / "text"


def start(**states: float) -> np.ndarray:
    x, _ = MODEL.begin(Batch("b", 0, 2.0, 0.5), 240.0)
    for name, value in states.items():
        x[S[name]] = value
    return x


def drive(**inputs: float) -> np.ndarray:
    u = np.array([i.default for i in MODEL.inputs])
    u[U["flow_air"]] = 0.03
    for name, value in inputs.items():
        u[U[name]] = value
    return u


def run(
    x: np.ndarray, u: np.ndarray, hours: float, step: float = 1.0 / 60.0, model: Process = MODEL
) -> np.ndarray:
    for _ in range(round(hours / step)):
        x = model.advance(x, u, step)
    return x


STILL = {"growth": 0.0, "log_qP": -12.0, "log_qG": -7.0, "log_qN": -9.0, "qL": 0.0}
"""Cells that do nothing."""


def test_every_table_begins_with_that_of_the_fed_batch() -> None:
    for own, fed in ((MODEL.states, FED.states), (MODEL.inputs, FED.inputs), (MODEL.outputs, FED.outputs)):
        assert [row.name for row in own[: len(fed)]] == [row.name for row in fed]
    assert [q.name for q in MODEL.quantities[: len(FED.quantities)]] == [q.name for q in FED.quantities]
    assert {"harvest_flow", "bleed_flow"} == set(U) - {i.name for i in FED.inputs}


def test_a_bleed_washes_cells_out_exponentially_and_exactly() -> None:
    immortal = cho_perfusion.build({"kd0": 0.0, "kd1": 0.0})
    x, u = start(**STILL, log_Xv=np.log(20.0)), drive(feed_flow=80.0, bleed_flow=80.0)
    later = run(x, u, 10.0, model=immortal)
    rate = 0.08 / (x[S["W"]] / 1.01)
    assert later[S["W"]] == pytest.approx(x[S["W"]], rel=1e-12)
    assert later[S["log_Xv"]] == pytest.approx(np.log(20.0) - rate * 10.0, rel=1e-12)
    assert later[S["log_Xd"]] == pytest.approx(x[S["log_Xd"]] - rate * 10.0, rel=1e-12)


def test_a_filter_keeps_every_cell_whatever_is_harvested() -> None:
    x = start(**STILL, log_Xv=np.log(20.0))
    still, through = run(x, drive(), 10.0), run(x, drive(feed_flow=125.0, harvest_flow=125.0), 10.0)
    assert through[S["log_Xv"]] == pytest.approx(still[S["log_Xv"]], abs=1e-12)
    assert through[S["log_Xd"]] == pytest.approx(still[S["log_Xd"]], abs=1e-12)


def test_solutes_are_washed_out_by_what_comes_in_through_either_way() -> None:
    x = start(**STILL, L=20.0)
    rate = 0.125 / (x[S["W"]] / 1.01)
    for way in ({"harvest_flow": 125.0}, {"bleed_flow": 125.0}, {"harvest_flow": 100.0, "bleed_flow": 25.0}):
        later = run(x, drive(feed_flow=125.0, **way), 10.0, step=1.0 / 300.0)
        assert later[S["L"]] == pytest.approx(20.0 * np.exp(-rate * 10.0), rel=2e-4)


def test_product_leaves_as_far_as_the_filter_lets_it() -> None:
    x = start(**STILL, log_Xv=-7.0, P=0.5, log_sieving=np.log(0.6))
    rate = 0.125 / (x[S["W"]] / 1.01)
    later = run(x, drive(feed_flow=125.0, harvest_flow=100.0, bleed_flow=25.0), 10.0, step=1.0 / 300.0)
    assert later[S["P"]] == pytest.approx(0.5 * np.exp(-rate * (0.8 * 0.6 + 0.2) * 10.0), rel=2e-4)
    read = MODEL.observe(x, drive())
    assert read[Y["titre_harvest"]] == pytest.approx(0.6 * read[Y["titre"]])
    assert MODEL.derive(x, drive())[Q["est_sieving"]] == pytest.approx(0.6)


def test_weight_is_what_came_less_what_left() -> None:
    x = start(**STILL, harvest_gain=0.9)
    later = run(x, drive(feed_flow=120.0, harvest_flow=90.0, bleed_flow=20.0), 2.0)
    assert later[S["W"]] - x[S["W"]] == pytest.approx(1.01 * 2e-3 * (120.0 - 0.9 * 90.0 - 20.0), rel=1e-9)


def test_fresh_medium_stays_what_it_is_while_the_broth_changes() -> None:
    x = start(A=24.0, alkali_gap=3.0)
    u = drive(feed_flow=125.0, harvest_flow=125.0, base_flow=1.0)
    later = run(x, u, 30.0)
    assert later[S["A"]] + later[S["alkali_gap"]] == pytest.approx(27.0, rel=1e-9)
    rested = run(later, drive(feed_flow=125.0, harvest_flow=125.0), 120.0)
    assert rested[S["A"]] == pytest.approx(27.0, abs=0.05)


def test_inorganic_carbon_closes_over_medium_respiration_gas_and_what_leaves() -> None:
    x = start(log_Xv=np.log(15.0), L=8.0, N=3.0, qL=0.02, log_RQ=0.0)
    u = drive(feed_flow=125.0, harvest_flow=95.0, bleed_flow=30.0)
    x = run(x, u, 150.0)  # at rest, but for the cells
    hco3 = carbon(x)
    after = MODEL.advance(x, u, 1.0 / 60.0)
    volume, rate = x[S["W"]] / 1.01, 0.125 / (x[S["W"]] / 1.01)
    uptake = MODEL.derive(x, u)[Q["est_OUR"]]
    flow = u[U["flow_air"]] * 6e4 / 22.414
    yO2, yCO2 = x[S["yO2"]] / 100.0, x[S["yCO2"]] / 100.0
    leaving = flow * (1.0 - 0.2095 - 0.0004) / (1.0 - yO2 - yCO2)
    gas = (leaving * yCO2 - flow * 0.0004) / volume
    medium = 1.1 * (x[S["A"]] + x[S["alkali_gap"]])
    change = (carbon(after) - hco3) * 60.0
    assert gas == pytest.approx(uptake + rate * (medium - hco3) - change, rel=0.02)


def carbon(x: np.ndarray) -> float:
    pH = MODEL.observe(x, drive())[Y["pH"]] - x[S["pH_bias"]]
    return float(x[S["CO2"]] * (1.0 + 10.0 ** (pH - 6.09)))


def test_a_fed_batch_with_the_same_numbers_moves_the_same_when_nothing_leaves() -> None:
    """The shared law has one place: with no outlet and no feed only numbers tell the two apart."""
    numbers = {"X_max": 23.4, "theta": 0.92}
    own = cho_perfusion.build(numbers)
    x, _ = own.begin(Batch("b", 0, 2.0, 0.5), 72.0)
    u = drive(flow_O2=0.003, base_flow=0.5)
    x[[S["L"], S["N"]]] = 5.0  # what their exchange moves is not in the fed-batch
    np.testing.assert_allclose(
        own.advance(x, u, 1 / 30)[:N], FED.advance(x[:N], u[: len(FED.inputs)], 1 / 30), rtol=1e-12
    )
    assert FED._outlet(x[:N], u) is CLOSED


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_stays_finite_and_within_bounds_whatever_comes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = start() + rng.normal(size=(5, len(S))) * np.array([s.start_sd for s in MODEL.states]) * 5.0
    most = [0.05, 0.05, 0.01, 0.05, 300.0, 5.0, 300.0, 20.0, 40.0, 300.0, 300.0]
    u = np.abs(rng.normal(size=len(U))) * np.array(most)
    later = MODEL.advance(x, u, 1 / 60)
    assert np.isfinite(later).all()
    assert np.isfinite(MODEL.observe(later, u)).all()
    assert np.isfinite(MODEL.derive(later, u)).all()
    for s in MODEL.states:
        assert (later[:, S[s.name]] >= s.low).all()
        assert (later[:, S[s.name]] <= s.high).all()


def test_begins_an_old_culture_at_the_cells_that_the_bleed_holds_and_doubts_old_instruments() -> None:
    batch = Batch("b", 0, 2.0, 0.5)
    (young, young_sd), (old, old_sd) = MODEL.begin(batch, 24.0), MODEL.begin(batch, 400.0)
    assert np.exp(old[S["log_Xv"]]) == pytest.approx(20.0)
    assert np.exp(young[S["log_Xv"]]) < 1.5
    for name in ("log_offgas_O2_gain", "log_pO2_gain", "pH_bias"):
        assert old_sd[S[name]] > 1.2 * young_sd[S[name]]


def foreseen(hours: float, x: np.ndarray, u: np.ndarray, **wanted: float) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(MODEL, Foreseeing)
    held = {"pH_sp": 7.05, "pO2_sp": 40.0, "cells_wanted": 0.0} | wanted
    members = {name: np.array(value) for name, value in held.items()}
    for step in range(round(hours / 4.0)):
        x, u = MODEL.proceed(x, u, members, 4.0 * step, 4.0)
    return x, u


def test_a_forecast_holds_the_cells_and_the_weight() -> None:
    x = start(log_Xv=np.log(26.0), growth=0.7, G=20.0)
    u = drive(feed_flow=125.0, harvest_flow=80.0, bleed_flow=45.0, flow_O2=0.01)
    later, flows = foreseen(300.0, x, u)
    assert np.exp(later[S["log_Xv"]]) == pytest.approx(20.0, rel=0.03)
    assert later[S["W"]] == pytest.approx(x[S["W"]], rel=1e-6)
    assert flows[U["bleed_flow"]] + flows[U["harvest_flow"]] == pytest.approx(125.0, rel=1e-6)
    assert later[S["G"]] > 3.0
    fewer, _ = foreseen(300.0, x, u, cells_sp=10.0)
    assert np.exp(fewer[S["log_Xv"]]) == pytest.approx(10.0, rel=0.03)
    less, flows = foreseen(12.0, x, u, feed_factor=0.5)
    assert less[S["W"]] == pytest.approx(x[S["W"]], rel=1e-6)
    assert flows[U["feed_flow"]] == 125.0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_pages_have_words_for_its_tags_quantities_and_knobs(language: str) -> None:
    words = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))
    assert isinstance(MODEL, Foreseeing)
    names = {f"name.{name}" for name in ("harvest_flow", "bleed_flow", "titre_harvest", "sieving")}
    names |= {f"knob.{k.name}" for k in MODEL.knobs(2.0) if not k.name.endswith("_sp")} | {"knob.cells_sp"}
    assert names <= words.keys()
