"""Laws of the vessel: balances, accuracy of the integration, transfer, what the cells do."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from simulators import chemistry, parameters, state, vessel
from simulators.chemistry import MMOL_PER_LITRE_GAS

HOUR_GAS = 60.0 * MMOL_PER_LITRE_GAS
TICK_H = 15.0 / 3600.0


class Bench:
    """One vessel with inputs held by hand."""

    def __init__(self, volume_l: float = 2.0, cells: float = 5.0, **inputs: float) -> None:
        self.p = parameters.record(volume_l, {"inoculum": cells}, {})
        self.k = chemistry.constants()
        chemistry.constants_at(36.8, self.k)
        self.y = vessel.start(self.p, self.k)
        self.u = vessel.inputs()
        base = {
            "air": 0.005 * volume_l * HOUR_GAS, "o2": 0.002 * volume_l * HOUR_GAS,
            "co2": 0.0004 * volume_l * HOUR_GAS, "n2": 0.0003 * volume_l * HOUR_GAS,
            "feed": 2e-4 * volume_l, "base": 5e-5 * volume_l,
            "feed_glc": float(self.p.feed_glc), "feed_gln": float(self.p.feed_gln),
            "feed_na": float(self.p.feed_na), "feed_cl": float(self.p.feed_cl),
            "kla": 4.0, "jacket_in": 37.2, "head": 1.003, "stir_power": 20.0, "hydrogen": 1e-7,
        }  # fmt: skip
        for name, value in (base | inputs).items():
            self.u[name] = value
        self.work = np.zeros((3, state.STATES))

    def run(self, hours: float, tick_h: float = TICK_H) -> Any:
        for _ in range(round(hours / tick_h)):
            vessel.step(self.y, self.p, self.k, self.u, tick_h, self.work)
        return self.y

    def rates(self, y: Any) -> Any:
        d = np.zeros(state.STATES)
        vessel.rates(y, self.p, self.k, self.u, d)
        return d


def check_balances(before: Any, y: Any, bench: Bench) -> None:
    change = y - before
    oxygen = change[state.OXY] + change[state.HO2]
    assert oxygen == pytest.approx(
        change[state.O2_IN] - change[state.O2_OUT] - change[state.O2_USED], abs=1e-9 * y[state.O2_IN]
    )
    carbon = change[state.CT] + change[state.HCO2]
    entered = change[state.C_IN] + change[state.C_MADE] + change[state.C_ADDED]
    assert carbon == pytest.approx(entered - change[state.C_OUT], abs=1e-9 * entered)
    assert change[state.HN2] == pytest.approx(
        change[state.N2_IN] - change[state.N2_OUT], abs=1e-9 * y[state.N2_IN]
    )
    assert change[state.V] == pytest.approx(
        change[state.V_FEED] + change[state.V_BASE] - change[state.V_EVAPORATED], abs=1e-9 * y[state.V]
    )
    sodium = change[state.V_FEED] * bench.u.feed_na + 2.0 * change[state.V_BASE] * bench.p.base_carbonate
    assert change[state.NA] == pytest.approx(sodium, abs=1e-9 * y[state.NA])


@settings(max_examples=15)
@given(
    cells=st.floats(0.1, 25.0),
    kla=st.floats(0.5, 25.0),
    air=st.floats(0.1, 3.0),
    co2=st.floats(0.0, 1.0),
    base=st.floats(0.0, 2e-3),
    head=st.floats(1.0, 1.2),
)
def test_oxygen_carbon_nitrogen_volume_and_sodium_balances_close(
    cells: float, kla: float, air: float, co2: float, base: float, head: float
) -> None:
    bench = Bench(cells=cells, kla=kla, air=air, co2=co2, base=base, head=head)
    before = bench.y.copy()
    check_balances(before, bench.run(1.0), bench)


def test_a_day_of_steps_agrees_with_lsoda() -> None:
    bench = Bench(cells=8.0)
    exact = solve_ivp(
        lambda _, y: bench.rates(y), (0.0, 24.0), bench.y.copy(), method="LSODA", rtol=1e-10, atol=1e-12
    ).y[:, -1]
    ours = bench.run(24.0)
    main = slice(0, state.HN2 + 1)
    assert ours[main] == pytest.approx(exact[main], rel=1e-4, abs=1e-9)


def test_oxygen_near_zero_stays_stable_and_positive() -> None:
    bench = Bench(cells=25.0, kla=1.0, o2=0.0, air=0.5)
    y = bench.run(3.0)
    assert np.isfinite(y).all()
    assert 0.0 < y[state.OXY] / y[state.V] < 0.01


def test_transfer_coefficient_shows_in_the_step_response() -> None:
    """Without cells oxygen rises to its new level with 1/(kLa + surface), slowed by the bubbles."""
    bench = Bench(cells=1e-9, kla=4.0, co2=0.0, n2=0.0, feed=0.0, base=0.0, o2=0.0, air=3000.0)
    bench.y[state.OXY] = 0.02 * bench.y[state.V]
    levels = []
    for _ in range(9):
        levels.append(bench.y[state.OXY] / bench.y[state.V])
        bench.run(0.1)
    final = bench.run(4.0)[state.OXY] / bench.y[state.V]
    slope = np.polyfit(0.1 * np.arange(9), np.log(final - np.array(levels)), 1)[0]
    assert -slope == pytest.approx(4.0 + 1.2, rel=0.02)


def test_gas_balance_tells_the_oxygen_uptake() -> None:
    """At rest what a gas analyser would compute is what the cells use."""
    bench = Bench(cells=10.0, kla=6.0, o2=3.0, feed=0.0, base=0.0)
    bench.run(6.0)
    before = bench.y.copy()
    bench.run(0.5)
    measured = (bench.y - before)[state.O2_IN] - (bench.y - before)[state.O2_OUT]
    assert measured == pytest.approx((bench.y - before)[state.O2_USED], rel=0.02)


def test_oxygen_uptake_per_cell_is_in_the_published_range() -> None:
    """Goudar 2011: 5.1-5.8 pmol per cell and day, that is 0.21-0.24 mmol per 1e9 cells and hour."""
    bench = Bench(cells=2.0)
    bench.run(2.0)
    per_cell = bench.rates(bench.y)[state.O2_USED] / bench.y[state.XV]
    assert 0.15 < per_cell < 0.25


def test_cold_slows_respiration_as_measured_and_growth_much_more() -> None:
    """Goudar 2011: 3.97 pmol a cell and day at 30.5 Cel, 5.53 at 37.5 Cel, that is 0.72."""

    def at(celsius: float) -> tuple[float, float]:
        bench = Bench(cells=5.0)
        chemistry.constants_at(celsius, bench.k)
        bench.y[state.TEMP] = celsius
        d = bench.rates(bench.y)
        return d[state.O2_USED], d[state.CELLS_MADE]

    warm, cool = at(37.5), at(30.5)
    assert cool[0] / warm[0] == pytest.approx(0.72, abs=0.07)
    assert cool[1] / warm[1] < 0.2
    below, above = at(36.8 - 0.8 - 1e-9), at(36.8 - 0.8 + 1e-9)
    assert below[0] == pytest.approx(above[0], rel=1e-8), "no step where the cold begins"


def test_an_upset_ph_or_a_lack_of_glucose_slows_growth() -> None:
    def growth(bench: Bench) -> float:
        d = bench.rates(bench.y)
        return float(d[state.XV] / bench.y[state.XV])

    rest = growth(Bench())
    acid = Bench()
    acid.y[state.CL] += 20.0 * acid.y[state.V]
    hungry = Bench()
    hungry.y[state.GLC] = 0.02
    assert growth(acid) < 0.7 * rest
    assert growth(hungry) < 0.1 * rest


def test_a_contaminant_doubles_every_40_minutes_and_takes_oxygen() -> None:
    bench = Bench(cells=2.0, kla=10.0)
    bench.y[state.BUG] = 1e-9
    bench.run(3.0)
    assert np.log(bench.y[state.BUG] / 1e-9) / 3.0 == pytest.approx(1.0, abs=0.1)


def test_two_thousand_litres_transfer_oxygen_better_and_lose_heat_more_slowly() -> None:
    small, large = parameters.scaled(2.0), parameters.scaled(2000.0)
    assert (small["kla_surface"], small["kla_slope"]) == (pytest.approx(1.2), pytest.approx(420.0))
    assert (large["kla_surface"], large["kla_slope"]) == (pytest.approx(0.3), pytest.approx(1500.0))
    assert large["ua"] / 2000.0 == pytest.approx(small["ua"] / 2.0 / 10.0)
