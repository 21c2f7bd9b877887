"""E. coli: balances of elements, growth and overflow in published ranges, the limit of oxygen."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from simulators import chemistry, parameters, state, vessel
from simulators.chemistry import MMOL_PER_LITRE_GAS
from simulators.microbe import CARBON, NITROGEN, REDUCTION
from simulators.plant import Plant, PlantBatch
from simulators.scenario import Scenario, VesselScenario, load_scenario, packaged

KIND = "ecoli_fedbatch"
TICK_H = 10.0 / 3600.0


class Bench:
    """Two litres of E. coli with inputs held by hand."""

    def __init__(
        self, cells: float = 5.0, kla: float = 300.0, feed: float = 0.01, base: float = 0.003
    ) -> None:
        self.p = parameters.record(2.0, parameters.of_kind(KIND, 2.0) | {"inoculum": cells}, {})
        self.k, self.u = chemistry.constants(), vessel.inputs()
        chemistry.constants_at(37.0, self.k)
        self.y = vessel.start(self.p, self.k, 37.0)
        inputs = {
            "air": 2.0 * 60.0 * MMOL_PER_LITRE_GAS,
            "kla": kla,
            "feed": feed,
            "base": base,
            "head": 1.003,
        }
        inputs |= {
            "feed_glc": float(self.p.feed_glc),
            "jacket_in": 36.0,
            "stir_power": 500.0,
            "hydrogen": 1e-7,
        }
        for name, value in inputs.items():
            self.u[name] = value
        self.work = np.zeros((3, state.STATES))

    def run(self, hours: float) -> Any:
        for _ in range(round(hours / TICK_H)):
            vessel.step(self.y, self.p, self.k, self.u, TICK_H, self.work)
        return self.y

    def rates(self, y: Any) -> Any:
        d = np.zeros(state.STATES)
        vessel.rates(y, self.p, self.k, self.u, d)
        return d


@settings(max_examples=15)
@given(
    cells=st.floats(0.1, 40.0), kla=st.floats(20.0, 800.0), sugar=st.floats(0.0, 20.0),
    acid=st.floats(0.0, 5.0), feed=st.floats(0.0, 0.05), base=st.floats(0.0, 0.02),
)  # fmt: skip
def test_carbon_nitrogen_oxygen_and_electrons_close(
    cells: float, kla: float, sugar: float, acid: float, feed: float, base: float
) -> None:
    bench = Bench(cells, kla, feed, base)
    bench.y[state.GLC] = sugar / 0.18016 * 2.0
    bench.y[state.LAC] = acid / 0.06005 * 2.0
    before = bench.y.copy()
    change = bench.run(0.5) - before
    fed = change[state.V_FEED] * bench.p.feed_glc

    organic = 6.0 * change[state.GLC] + 2.0 * change[state.LAC] + CARBON * change[state.XV]
    gas = change[state.CT] + change[state.HCO2] + change[state.C_OUT] - change[state.C_IN]
    total = 6.0 * before[state.GLC] + CARBON * before[state.XV] + 6.0 * fed
    assert organic + gas == pytest.approx(6.0 * fed, abs=1e-9 * total)

    ammonia = change[state.V_BASE] * bench.p.base_ammonia
    nitrogen = change[state.AMM] + NITROGEN * change[state.XV]
    assert nitrogen == pytest.approx(ammonia, abs=1e-9 * (before[state.AMM] + ammonia + NITROGEN * cells))

    oxygen = change[state.OXY] + change[state.HO2] + change[state.O2_OUT] - change[state.O2_IN]
    assert oxygen == pytest.approx(-change[state.O2_USED], abs=1e-9 * change[state.O2_IN])
    electrons = (
        24.0 * (change[state.GLC] - fed) + 8.0 * change[state.LAC] + REDUCTION * CARBON * change[state.XV]
    )
    assert electrons == pytest.approx(-4.0 * change[state.O2_USED], abs=1e-9 * 4.0 * total)


def test_two_hours_of_steps_agree_with_lsoda() -> None:
    bench = Bench(cells=8.0)
    exact = solve_ivp(
        lambda _, y: bench.rates(y), (0.0, 2.0), bench.y.copy(), method="LSODA", rtol=1e-10, atol=1e-12
    ).y[:, -1]
    assert bench.run(2.0)[: state.HN2 + 1] == pytest.approx(exact[: state.HN2 + 1], rel=1e-4, abs=1e-9)


def test_growth_yield_ammonia_and_overflow_are_in_published_ranges() -> None:
    """On plenty of sugar: 0.25-0.35 1/h (Anane 2017: 0.34), 10 mmol NH4 a gram, acetate from the start."""
    bench = Bench(cells=0.3, feed=0.0, base=0.0)
    before = bench.y.copy()
    change = bench.run(2.0) - before
    assert 0.25 < np.log(bench.y[state.XV] / before[state.XV]) / 2.0 < 0.35
    assert 0.35 < change[state.XV] / (-0.18016 * change[state.GLC]) < 0.5
    assert -change[state.AMM] / change[state.XV] == pytest.approx(10.0, rel=0.05)
    assert 0.05 < 0.06005 * change[state.LAC] / change[state.XV] < 0.4
    assert 0.9 < change[state.C_MADE] / change[state.O2_USED] < 1.15


def test_sugar_gone_acetate_is_eaten() -> None:
    bench = Bench(cells=5.0, feed=0.0, base=0.0)
    bench.y[state.GLC], bench.y[state.LAC] = 0.0, 2.0 * 1.0 / 0.06005
    d = bench.rates(bench.y)
    assert d[state.LAC] < 0.0 < d[state.XV]


def whole(hours: float = 36.0, volume_l: float = 2.0, **changes: Any) -> tuple[dict[str, Any], PlantBatch]:
    raw = load_scenario(packaged(KIND)).model_dump(by_alias=True)
    raw["period_s"] = 30.0
    raw["vessels"] = [raw["vessels"][0] | {"volume_l": volume_l} | changes]
    plant = Plant(Scenario.model_validate(raw))
    batch = plant.advance(hours * 3600.0)
    return plant.truth(), batch


@pytest.mark.parametrize("volume_l", [2.0, 2000.0])
def test_a_fed_batch_stays_in_the_expected_ranges(volume_l: float) -> None:
    truth, batch = whole(volume_l=volume_l)
    hours = truth["time_s"] / 3600.0
    running = (hours > 1.0) & (hours < 34.5)
    assert np.abs(truth["pH"][running] - 7.0).max() < 0.1
    assert np.abs(truth["temperature"][running] - 37.0).max() < 0.8
    assert 80.0 < truth["OUR"].max() < 200.0
    assert 25.0 < truth["biomass"].max() < 60.0
    assert 0.3 < truth["acetate"].max() < 2.0
    assert truth["glucose"][hours > 20.0].max() < 1.0
    late = (hours > 20.0) & (hours < 34.5)
    assert truth["pO2"][late].min() > 10.0, "the feed is held back before oxygen is gone"
    quotient = truth["CER"][late].mean() / truth["OUR"][late].mean()
    assert 0.95 < quotient < 1.12
    assert 8.0 * truth["base_in"][-1] / (truth["biomass"] * truth["volume"])[-1] == pytest.approx(
        9.8, rel=0.15
    )
    assert np.isnan(truth["VCD"]).all()
    assert (batch.quality[batch.tag_index == batch.tags.index("F201.pO2")] == 192).all()


def test_the_feed_begins_when_po2_leaps_and_grows_at_the_rate_asked_for() -> None:
    truth, batch = whole(hours=20.0)
    (start,) = (e.time_s / 3600.0 for e in batch.events if e.kind == "phase" and e.data["phase"] == "feed")
    gone = truth["time_s"][np.argmax(truth["glucose"] < 0.1)] / 3600.0
    assert start == pytest.approx(gone, abs=0.3)
    hours, flow = truth["time_s"] / 3600.0, truth["feed_flow"]
    later = (hours > start + 0.5) & (hours < 19.0)
    assert np.polyfit(hours[later], np.log(flow[later]), 1)[0] == pytest.approx(0.12, abs=0.005)


def test_without_the_guard_oxygen_runs_out_and_acetate_piles_up() -> None:
    held, _ = whole()
    free, _ = whole(microbial={"guard": False})
    assert free["pO2"][-400:-200].min() < 7.0
    assert free["acetate"].max() > 2.0 * held["acetate"].max()
    assert free["pO2"].min() >= 0.0
    assert free["glucose"].min() > -1e-6


def test_any_steps_give_the_same_data_and_faults_act() -> None:
    fault = {"kind": "kLa_loss", "at_h": 18.0, "size": 0.4}
    truth, batch = whole(hours=20.0, faults=[fault])
    well, _ = whole(hours=20.0)
    before = truth["time_s"] < 18.0 * 3600.0
    np.testing.assert_array_equal(truth["biomass"][before], well["biomass"][before])
    assert truth["pO2"][~before].min() < well["pO2"][~before].min() - 5.0
    raw = load_scenario(packaged(KIND)).model_dump(by_alias=True)
    raw["period_s"], raw["vessels"][0]["faults"] = 30.0, [fault]
    plant = Plant(Scenario.model_validate(raw))
    parts = [plant.advance(t) for t in (10.0, 7_000.0, 50_000.0, 50_001.0, 72_000.0)]
    np.testing.assert_array_equal(np.concatenate([part.value for part in parts]), batch.value)


def test_assays_are_those_of_bacteria() -> None:
    truth, batch = whole(hours=12.0)
    assert {a.tag.partition(".")[2] for a in batch.assays} >= {"OD600", "glucose", "acetate", "ammonia"}
    density = [a for a in batch.assays if a.tag == "F201.OD600"]
    true = np.interp([a.drawn_s for a in density], truth["time_s"], truth["biomass"])
    assert np.mean([a.value for a in density] / true) == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("wrong", [
    {"kind": "cho_fedbatch", "microbial": {"growth_rate": 0.2}},
    {"kind": KIND, "faults": [{"kind": "contamination", "at_h": 1}]},
    {"kind": KIND, "faults": [{"kind": "retention_fouling", "at_h": 1}]},
])  # fmt: skip
def test_what_does_not_go_together_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"need|CHO"):
        VesselScenario.model_validate({"id": "F1"} | wrong)
