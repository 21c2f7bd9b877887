"""Physics against independent numbers: standards, PHREEQC, handbook values."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import chemistry as ch


def at(celsius: float) -> Any:
    k = ch.constants()
    ch.constants_at(celsius, k)
    return k


def salt(milli_molar: float, celsius: float = 25.0, sodium: bool = False) -> float:
    """Conductivity of KCl (or NaCl) [mS/cm]."""
    c = milli_molar
    na, potassium = (c, 0.0) if sodium else (0.0, c)
    return ch.conductivity(at(celsius), 1e-7, c, na, potassium, 0.0, 0.0, c, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(("milli_molar", "standard"), [(10.0, 1.413), (100.0, 12.88)])
def test_conductivity_standards_of_kcl_within_half_a_percent(milli_molar: float, standard: float) -> None:
    assert salt(milli_molar) == pytest.approx(standard, rel=0.005)


def test_conductivity_of_saline_within_its_known_excess() -> None:
    """Measured 10.67 at 0.1 M and 25 Cel; PHREEQC 19.6 at 0.15 M and 37 Cel."""
    assert salt(100.0, sodium=True) == pytest.approx(10.67, rel=0.025)
    assert salt(150.0, 37.0, sodium=True) == pytest.approx(19.6, rel=0.06)


@pytest.mark.parametrize(
    ("celsius", "values"),
    [
        (25.0, (1.4682, 6.3519, 10.3289, 13.9948, 2.8924, 9.2442, 7.207)),
        (37.0, (1.5966, 6.3045, 10.2395, 13.6203, 2.9685, 8.8909, 7.179)),
    ],
)
def test_equilibrium_constants_are_those_of_phreeqc(celsius: float, values: tuple[float, ...]) -> None:
    k = at(celsius)
    found = (k.henry_co2 / 1e3, k.k1, k.k2, k.kw, k.henry_o2 / 1e3, k.k_nh4, k.kp2)
    assert [-math.log10(value) for value in found] == pytest.approx(values, abs=6e-4)


def test_oxygen_solubility_and_water_vapour_at_37_cel() -> None:
    k = at(37.0)
    assert k.p_water == pytest.approx(0.0619, rel=0.005)
    dissolved = k.henry_o2 * 0.2095 * (1.0 - k.p_water)
    assert dissolved == pytest.approx(0.2113, rel=0.002)
    assert dissolved / ch.neutral(150.0) == pytest.approx(0.204, rel=0.005)


def test_viscosity_and_debye_hueckel_constant() -> None:
    assert ch.viscosity(298.15) * 1e3 == pytest.approx(0.8904, rel=2e-3)
    assert ch.viscosity(310.15) * 1e3 == pytest.approx(0.6904, rel=2e-3)
    assert (at(25.0).debye, at(37.0).debye) == (
        pytest.approx(0.5108, rel=2e-3),
        pytest.approx(0.5224, rel=2e-3),
    )


class Medium:
    """A medium held at a partial pressure of CO2: 3 mM phosphate, a strong-ion difference, a buffer."""

    def __init__(self, celsius: float = 37.0, strong: float = 24.0 + 3.0 * 1.61, buffer: float = 0.0) -> None:
        self.k = at(celsius)
        self.ionic = 150.0
        self.strong = strong
        self.buffer = buffer

    def ph(self, mmhg: float, strong: float = 0.0, lactate: float = 0.0, ammonia: float = 0.0) -> float:
        low, high, sid = 0.1, 300.0, self.strong + strong
        for _ in range(80):
            carbon = 0.5 * (low + high)
            ph = ch.solve_ph(self.k, 7.0, self.ionic, sid, carbon, 3.0, ammonia, lactate, self.buffer)
            if self.pressure(ph, carbon) > mmhg:
                high = carbon
            else:
                low = carbon
        return ph

    def pressure(self, ph: float, carbon: float) -> float:
        g1, g0 = ch.exp10(ch.log_gamma1(self.k.debye, self.ionic)), ch.neutral(self.ionic)
        return ch.dissolved_co2(self.k, 10.0**-ph, g1, g0, carbon) * g0 / self.k.henry_co2 * ch.MMHG_PER_ATM


@pytest.mark.parametrize(("mmhg", "phreeqc"), [(38.0, 7.422), (76.0, 7.132)])
def test_ph_of_bicarbonate_medium_as_phreeqc_says(mmhg: float, phreeqc: float) -> None:
    assert Medium().ph(mmhg) == pytest.approx(phreeqc, abs=0.03)


def test_sensitivities_of_ph() -> None:
    """24 mM of alkalinity shared with phosphate and a buffer, 45 mmHg: per mM, per 10 mmHg, per K."""
    medium = Medium(strong=24.0, buffer=4.0)
    rest = medium.ph(45.0)
    assert rest == pytest.approx(7.215, abs=0.02)
    assert medium.ph(45.0, lactate=1.0) - rest == pytest.approx(-0.026, abs=0.002)
    assert medium.ph(45.0, strong=1.0) - rest == pytest.approx(0.024, abs=0.002)
    assert medium.ph(45.0, ammonia=1.0) - rest == pytest.approx(0.024, abs=0.002)
    assert medium.ph(55.0) - rest == pytest.approx(-0.082, abs=0.004)
    assert (rest - Medium(25.0, 24.0, 4.0).ph(45.0)) / 12.0 == pytest.approx(0.0060, abs=0.0006)


amounts = st.floats(0.0, 40.0)


@given(st.floats(0.0, 80.0), st.floats(1.0, 120.0), amounts, amounts, amounts, amounts, st.floats(20.0, 41.0))
def test_ph_closes_the_charge_balance_from_any_guess(
    sid: float, carbon: float, phosphate: float, ammonia: float, lactate: float, buffer: float, celsius: float
) -> None:
    k = at(celsius)
    one, other = (
        ch.solve_ph(k, guess, 150.0, sid, carbon, phosphate, ammonia, lactate, buffer) for guess in (6.0, 9.0)
    )
    assert one == pytest.approx(other, abs=1e-7)
    more = ch.solve_ph(k, 7.0, 150.0, sid + 1.0, carbon, phosphate, ammonia, lactate, buffer)
    assert more > one
