"""The reduced CHO model: its laws, not its numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.domain.batch import Batch
from twin.domain.errors import ModelError
from twin.domain.event import Verdict
from twin.processes._aeration import followed
from twin.processes.base import CHANCE_H, LEAST_RATIO, Hypothesis, Shape, held_to, model_ref
from twin.processes.cho_fedbatch import GLUCOSE_G, INPUTS, OUTPUTS, QUANTITIES, STATES, build

S = {s.name: i for i, s in enumerate(STATES)}
U = {i.name: k for k, i in enumerate(INPUTS)}
Y = {o.name: k for k, o in enumerate(OUTPUTS)}
MODEL = build({})


def start(**states: float) -> np.ndarray:
    x, _ = MODEL.begin(Batch("b", 0, 2.0, 0.5), 72.0)
    for name, value in states.items():
        x[S[name]] = value
    return x


def drive(**inputs: float) -> np.ndarray:
    u = np.array([i.default for i in INPUTS])
    u[U["flow_air"]] = 0.01
    for name, value in inputs.items():
        u[U[name]] = value
    return u


def run(x: np.ndarray, u: np.ndarray, hours: float, step: float = 1.0 / 60.0) -> np.ndarray:
    for _ in range(round(hours / step)):
        x = MODEL.advance(x, u, step)
    return x


def test_glucose_leaves_only_by_uptake_and_comes_only_by_feed() -> None:
    dead = {"log_Xv": -7.0, "G": 20.0}
    x, u = start(**dead), drive(feed_flow=10.0)
    volume = x[S["W"]] / 1.01
    later = run(x, u, 5.0)
    feed_l = 10e-3 * 5.0
    grams = (later[S["G"]] * later[S["W"]] / 1.01 - x[S["G"]] * volume) * GLUCOSE_G
    assert grams == pytest.approx(feed_l * 90.0, rel=0.04)


def test_bottles_lose_what_the_vessel_gains() -> None:
    x, u = start(), drive(feed_flow=10.0, base_flow=1.0)
    later = run(x, u, 3.0)
    lost = (x - later)[[S["feed_left"], S["base_left"]]].sum() / 1e3
    assert later[S["W"]] - x[S["W"]] == pytest.approx(lost, rel=1e-9)


def test_a_pump_that_delivers_half_empties_the_bottle_half_as_fast() -> None:
    u = drive(feed_flow=10.0)
    full = start() - run(start(), u, 2.0)
    half = start(feed_gain=0.5) - run(start(feed_gain=0.5), u, 2.0)
    assert half[S["feed_left"]] == pytest.approx(0.5 * full[S["feed_left"]], rel=1e-9)


def test_base_raises_pH_and_conductivity() -> None:
    x = start()
    without, dosed = run(x, drive(), 1.0), run(x, drive(base_flow=3.0), 1.0)
    change = MODEL.observe(dosed, drive()) - MODEL.observe(without, drive())
    assert change[Y["pH"]] > 0.01
    assert change[Y["conductivity"]] > 0.05


def test_henderson_hasselbalch_holds_with_the_buffer() -> None:
    x = start(A=30.0, L=5.0, N=2.0, CO2=1.4)
    pH = MODEL.observe(x, drive())[Y["pH"]]
    hco3 = 30.0 - 5.0 + 2.0 - 3.8 * (pH - 7.0)
    assert pH == pytest.approx(6.09 + np.log10(hco3 / 1.4), abs=1e-6)


def test_a_sample_that_lost_carbon_dioxide_reads_low_in_it_and_high_in_pH() -> None:
    x = start(A=30.0, L=5.0, N=2.0, CO2=1.4, sample_loss=0.1)
    left = x.copy()
    left[S["CO2"]] *= np.exp(-0.1)
    read, then = MODEL.observe(x, drive()), MODEL.observe(left, drive())
    assert read[Y["pCO2_lab"]] == pytest.approx(1.4 / 0.0307 * np.exp(-0.1))
    assert read[Y["pH_lab"]] == pytest.approx(then[Y["pH"]], abs=1e-3)
    assert read[Y["pH"]] < read[Y["pH_lab"]]


def test_oxygen_settles_where_transfer_meets_demand() -> None:
    x = start(log_Xv=np.log(4.0), growth=0.0)
    u = drive(flow_O2=0.004)
    later = run(x, u, 6.0)
    pO2_before, pO2_after = later[S["pO2"]], MODEL.advance(later, u, 1 / 60)[S["pO2"]]
    assert 0.0 < pO2_after < 200.0
    assert pO2_after == pytest.approx(pO2_before, abs=0.05)


def test_cells_that_do_not_grow_take_up_less_oxygen() -> None:
    growing, resting = start(growth=1.0), start(growth=0.0)
    quantity = [q.name for q in QUANTITIES].index
    told = [MODEL.derive(x, drive()) for x in (growing, resting)]
    rates = [found[quantity("est_growth_rate")] for found in told]
    uptakes = [found[quantity("est_OUR")] for found in told]
    assert rates[1] == 0.0
    assert uptakes[0] / uptakes[1] == pytest.approx(np.exp(0.5 * rates[0] / 0.0339))


def test_carbon_and_oxygen_in_the_exit_gas_match_respiration_at_rest() -> None:
    x = start(log_Xv=np.log(2.0), growth=0.0, log_RQ=0.0, qL=0.0)
    u = drive(flow_air=0.012)
    x = run(x, u, 40.0, 1 / 30)
    flow = 0.012 * 6e4 / 22.414
    volume = x[S["W"]] / 1.01
    our = MODEL.derive(x, u)[[q.name for q in QUANTITIES].index("est_OUR")]
    o2, co2 = x[S["yO2"]] / 100.0, x[S["yCO2"]] / 100.0
    inert = 1.0 - 0.2095 - 0.0004
    leaving = flow * inert / (1.0 - o2 - co2)
    assert (flow * 0.2095 - leaving * o2) / volume == pytest.approx(our, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_stays_finite_and_within_bounds_whatever_comes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = start() + rng.normal(size=(7, len(STATES))) * np.array([s.start_sd for s in STATES]) * 5.0
    u = np.abs(rng.normal(size=len(INPUTS))) * np.array(
        [0.05, 0.05, 0.01, 0.05, 50.0, 5.0, 300.0, 20.0, 40.0]
    )
    later = MODEL.advance(x, u, 1 / 60)
    assert np.isfinite(later).all()
    assert np.isfinite(MODEL.observe(later, u)).all()
    for s in STATES:
        assert (later[:, S[s.name]] >= s.low).all()
        assert (later[:, S[s.name]] <= s.high).all()


def test_many_vessels_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(1)
    x = start() + 0.01 * rng.normal(size=(3, 5, len(STATES)))
    u = drive(feed_flow=5.0)
    together = MODEL.advance(x, u, 1 / 60)
    assert np.allclose(together[1, 2], MODEL.advance(x[1, 2], u, 1 / 60))


def test_begins_older_cultures_denser_and_less_certain() -> None:
    batch = Batch("b", 0, 2.0, 0.5)
    young, young_sd = MODEL.begin(batch, 0.0)
    old, old_sd = MODEL.begin(batch, 96.0)
    assert young[S["log_Xv"]] == pytest.approx(np.log(0.5), abs=0.05)
    assert old[S["log_Xv"]] > young[S["log_Xv"]] + 1.5
    assert old_sd[S["log_Xv"]] > young_sd[S["log_Xv"]]


def test_parameters_are_replaced_by_name_and_change_the_models_identity() -> None:
    assert model_ref(build({"mu0": 0.03})).parameters != model_ref(MODEL).parameters
    assert model_ref(build({})).parameters == model_ref(MODEL).parameters
    with pytest.raises(ModelError, match="mu00"):
        build({"mu00": 1.0})
    with pytest.raises(ModelError, match="finite"):
        build({"mu0": float("nan")})


def test_every_fault_names_a_state_and_every_parameter_a_source() -> None:
    assert {h.state for h in MODEL.hypotheses} <= set(S)
    assert all(p.source for p in MODEL.parameters)
    assert len({h.code for h in MODEL.hypotheses}) == len(MODEL.hypotheses)


def test_thresholds_rise_with_the_time_between_false_alarms() -> None:
    often, seldom = (build({"false_alarm_interval_h": hours}).hypotheses for hours in (100.0, 10_000.0))
    assert [h.code for h in often] == [h.code for h in seldom]
    assert all(a.threshold <= b.threshold for a, b in zip(often, seldom, strict=True))
    assert sum(a.threshold < b.threshold for a, b in zip(often, seldom, strict=True)) >= 6
    assert all(h.threshold >= LEAST_RATIO for h in often)


def test_a_hypothesis_is_wrong_as_often_as_its_share_allows() -> None:
    chance = Hypothesis("x", Verdict.SENSOR, "s", Shape.STEP, 0.1, chance=(20.0, 2.0), share=1.0)
    greedy = replace(chance, code="y", share=3.0)
    one, other = held_to((chance, greedy), interval_h=1000.0)
    expected = [np.exp(-(h.threshold - 20.0) / 2.0) / CHANCE_H for h in (one, other)]  # findings an hour
    assert sum(expected) == pytest.approx(1.0 / 1000.0)
    assert expected[1] / expected[0] == pytest.approx(3.0)


def test_an_interval_that_is_no_time_is_refused() -> None:
    with pytest.raises(ModelError, match="false_alarm_interval_h"):
        build({"false_alarm_interval_h": 0.0})


def test_an_instrument_follows_by_its_own_law_and_is_late_by_its_lag_on_a_ramp() -> None:
    lag, hours = 0.03, 0.5
    step = followed(np.array(10.0), np.array(50.0), np.array(50.0), lag, hours)
    assert step == pytest.approx(50.0 - 40.0 * np.exp(-hours / lag), rel=1e-12)
    ramp = followed(np.array(10.0), np.array(10.0), np.array(20.0), lag, hours)
    assert ramp == pytest.approx(20.0 - 20.0 * lag, rel=1e-6)
    in_parts = followed(np.array(10.0), np.array(10.0), np.array(15.0), lag, hours / 2.0)
    assert followed(in_parts, np.array(15.0), np.array(20.0), lag, hours / 2.0) == pytest.approx(
        ramp, rel=1e-9
    )


def test_the_probe_shows_a_change_of_gas_later_than_the_broth_has_it() -> None:
    x = run(start(), drive(flow_air=0.01), 2.0)
    later = MODEL.advance(x, drive(flow_air=0.01, flow_O2=0.01), 2.0 / 60.0)
    risen = later[S["pO2"]] - x[S["pO2"]]
    shown = MODEL.observe(later, drive())[Y["pO2"]] - MODEL.observe(x, drive())[Y["pO2"]]
    assert 0.2 * risen < shown < 0.8 * risen
    rested = run(later, drive(flow_air=0.01, flow_O2=0.01), 20.0)
    assert MODEL.observe(rested, drive())[Y["pO2"]] == pytest.approx(rested[S["pO2"]], rel=1e-3)


def test_a_vessel_a_thousand_times_as_large_with_a_thousand_times_the_flows_lives_the_same() -> None:
    large = build({"size": 2000.0})
    names = ("W", "feed_left", "base_left", "head")
    grown = np.array([1000.0 if s.name in names else 1.0 for s in STATES])
    flows = np.array([1000.0 if "flow" in i.name else 1.0 for i in INPUTS])
    x, sd = MODEL.begin(Batch("b", 0, 2.0, 0.5), 72.0)
    big, big_sd = large.begin(Batch("b", 0, 2000.0, 0.5), 72.0)
    assert np.allclose(big, grown * x)
    assert np.allclose(big_sd, grown * sd)
    u = drive(feed_flow=5.0, base_flow=0.1, flow_O2=0.002)
    assert np.allclose(large.advance(big, flows * u, 1.0 / 30.0), grown * MODEL.advance(x, u, 1.0 / 30.0))
    scales = [(o.sd, o.refill_least) for o in large.outputs if o.name == "feed_scale"]
    assert scales == [(1000.0 * o.sd, 1000.0 * o.refill_least) for o in OUTPUTS if o.name == "feed_scale"]


def test_deep_broth_takes_up_more_oxygen_by_the_weight_of_its_half() -> None:
    deep = build({"depth": 1.4})
    alone = {"log_Xv": -7.0, "pO2": 40.0, "pO2_seen": 40.0, "yO2": 20.95, "L": 0.0, "log_kLa_surface": -3.0}
    x, u = start(**alone), drive(flow_air=0.5)
    full = [0.0, 0.0]
    for i, model in enumerate((MODEL, deep)):
        y = x
        for _ in range(600):
            y = model.advance(y, u, 1.0 / 60.0)
        full[i] = y[S["pO2"]]
    pressure = 0.5 * 1.4 * 1.01 * 98.07 / 1013.25
    assert full[1] / full[0] == pytest.approx(1.0 + pressure / (1.0 - 0.0619), rel=1e-3)
