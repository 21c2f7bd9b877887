"""An empty vessel being washed (CIP) and steamed (SIP), and what its probes meet there.

CIP is a program of six steps: drain, rinse, caustic, rinse, acid, and water until the return line conducts
no more than the limit of water for injection. SIP heats with steam until probe and F0 have had what the
recipe asks for, then cools under sterile air.

Sources
-------
F0 with z 10 K at 121.1 Cel, 15 min as the least, 1.3 uS/cm at 25 Cel for the last rinse: common practice of
pharmaceutical engineering. Limiting molar conductivities: handbooks, with a square-root law through 0.1 M.
Durations, strengths, time constants: chosen defaults.
"""

import math
from typing import Any, Final

import numpy as np

from simulators import probes as pr
from simulators.compiled import compiled

CULTURE, WASH, STEAM = range(3)
"""What a vessel does: grow, CIP, SIP."""
PROGRAM: Final = np.array(
    [
        (5.0, 0.0, 0.0, 25.0),
        (10.0, 0.0, 0.0, 25.0),
        (20.0, 0.1, 0.0, 60.0),
        (10.0, 0.0, 0.0, 25.0),
        (10.0, 0.0, 0.05, 40.0),
        (10.0, 0.0, 0.0, 25.0),
    ]
)
"""Steps of CIP: least duration [min], NaOH and HNO3 [mol/L], temperature [Cel]."""
LAST: Final = len(PROGRAM) - 1
WATER: Final = 0.8e-3
"""Conductivity of water for injection [mS/cm at 25 Cel]."""
RINSED: Final = 1.3e-3
"""Conductivity of the return at which the last rinse may end [mS/cm at 25 Cel]."""
LONGEST_H: Final = 2.0
"""The last rinse is given up after this [h]."""
HEAT, HOLD, COOL, READY = range(4)
"""Steps of SIP."""
_LOOP_H, _LEG_H, _LEG_SHARE, _WARM_H = 1.5 / 60.0, 3.0 / 60.0, 0.02, 0.05
_STEAM, _HEATING_H, _LOSS_H, _COOLING_H, _COLD_H = 140.0, 0.15, 4.0, 0.3, 0.05
_OVER: Final = 200.0
"""Sterile air over the cooling vessel [mbar]."""


@compiled
def f0_rate(celsius: float) -> float:
    """Minutes at 121.1 Cel that one minute at `celsius` is worth, z = 10 K."""
    return float(10.0 ** ((celsius - 121.1) / 10.0))


@compiled
def steam_pressure(celsius: float) -> float:
    """Pressure of saturated steam [atm], 99-374 Cel (Antoine: 8.14019, 1810.94, 244.485 in mmHg)."""
    return float(10.0 ** (8.14019 - 1810.94 / (244.485 + celsius)) / 760.0)


@compiled
def conductivity(caustic: float, acid: float) -> float:
    """Conductivity [mS/cm at 25 Cel] of what comes back: NaOH and HNO3 [mol/L], what meets becomes NaNO3."""
    salt = min(caustic, acid)
    base, sour = caustic - salt, acid - salt
    kappa = base * (248.1 - 85.0 * math.sqrt(base)) + sour * (421.0 - 114.0 * math.sqrt(sour))
    return float(WATER + kappa + salt * (121.6 - 60.0 * math.sqrt(salt)))


@compiled
def returned(m: Any) -> float:
    """Conductivity of the return line [mS/cm at 25 Cel], its dead legs included."""
    caustic = (1.0 - _LEG_SHARE) * m.caustic + _LEG_SHARE * m.caustic_leg
    acid = (1.0 - _LEG_SHARE) * m.acid + _LEG_SHARE * m.acid_leg
    return conductivity(caustic, acid)


@compiled
def _rinsed(m: Any) -> bool:
    long_enough = m.step_h * 60.0 >= PROGRAM[LAST, 0]
    return bool(long_enough and (returned(m) <= RINSED or m.step_h >= LONGEST_H))


@compiled
def _wash(m: Any, p: Any, t: float) -> None:
    m.step_h += m.tick_h
    step = int(m.step)
    if step < LAST and m.step_h * 60.0 >= PROGRAM[step, 0]:
        m.step, m.step_h = m.step + 1.0, 0.0
    elif step == LAST and _rinsed(m):
        m.step, m.ended, m.result = m.step + 1.0, t, returned(m)
    step = int(m.step)
    caustic, acid, warm = 0.0, 0.0, p.t_ambient
    if step <= LAST:
        caustic, acid, warm = PROGRAM[step, 1], PROGRAM[step, 2], PROGRAM[step, 3]
        near, far = 1.0 - math.exp(-m.tick_h / _LOOP_H), 1.0 - math.exp(-m.tick_h / _LEG_H)
        m.caustic_leg += far * (m.caustic - m.caustic_leg)
        m.acid_leg += far * (m.acid - m.acid_leg)
        m.caustic += near * (caustic - m.caustic)
        m.acid += near * (acid - m.acid)
    m.inside += (1.0 - math.exp(-m.tick_h / _WARM_H)) * (warm - m.inside)
    m.cold = m.inside


@compiled
def _steam(m: Any, p: Any, probes: Any, trapped: float, t: float) -> None:
    told = probes[pr.TEMPERATURE].value
    if m.step <= HOLD:
        valve = min(1.0, max(0.0, (m.steam_sp + 1.0 - told) / 4.0))
        change = valve * (_STEAM - m.inside) / _HEATING_H - (m.inside - p.t_ambient) / _LOSS_H
        if told >= 121.1:
            m.step = float(HOLD)
            m.step_h += m.tick_h
        if m.step_h * 60.0 >= m.steam_min and m.f0_told >= m.f0_goal:
            m.step = float(COOL)
    else:
        change = (p.t_ambient - m.inside) / (_COOLING_H if m.step == COOL else _LOSS_H)
    m.inside += change * m.tick_h
    m.cold += (1.0 - math.exp(-m.tick_h / _COLD_H)) * (m.inside - trapped - m.cold)
    m.f0 += 60.0 * m.tick_h * f0_rate(m.cold)
    m.f0_told += 60.0 * m.tick_h * f0_rate(told)
    if m.step == COOL and told < 40.0:
        m.step, m.ended, m.result = float(READY), t, m.f0_told
        probes[pr.PH].offset += m.steam_shift


@compiled
def clean(m: Any, p: Any, c: Any, u: Any, probes: Any, trapped: float, t: float) -> None:
    """One tick of CIP or SIP.

    Parameters
    ----------
    m, p, c, u : records of `loop.PLANT`, `parameters.RECORD`, `control.CONTROLLER`, `vessel.INPUTS`
    probes : array of `probes.PROBE`
    trapped : float
        How far air keeps the coldest spot below the steam [K].
    t : float
        Age at the end of the tick [s].
    """
    c.air = c.o2 = c.co2 = c.n2 = c.feed = c.base = c.stirrer = c.harvest = c.bleed = 0.0
    u.air = u.o2 = u.co2 = u.n2 = u.feed = u.base = u.kla = u.harvest = u.bleed = 0.0
    if m.mode == WASH:
        _wash(m, p, t)
        m.head_mbar = 0.0
    else:
        _steam(m, p, probes, trapped, t)
        steaming = m.step <= HOLD and m.inside > 100.0
        m.head_mbar = 1013.25 * (steam_pressure(m.inside) - 1.0) if steaming else 0.0
        if m.step == COOL:
            m.head_mbar = _OVER
    c.jacket_in = m.inside


@compiled
def observe(m: Any, p: Any, k: Any, x: Any) -> None:
    """Fill `x` (shape of `loop.KEPT`) with what perfect instruments would read in the empty vessel."""
    air = 1.0 if m.mode == WASH or m.step >= COOL or m.inside < 100.0 else 0.0
    x[:] = 0.0
    kappa = returned(m) if m.mode == WASH else WATER
    net = m.caustic - m.acid if m.mode == WASH else 0.0
    x[pr.PH] = 7.0
    if net > 1e-7:
        x[pr.PH] = -math.log10(k.kw / net)
    elif net < -1e-7:
        x[pr.PH] = -math.log10(-net)
    x[pr.PO2], x[pr.PCO2] = 100.0 * air, 0.3 * air
    x[pr.KAPPA] = kappa
    x[pr.TEMPERATURE] = m.inside
    x[pr.WEIGHT] = 0.05 * p.volume if m.mode == WASH and m.step <= LAST else 0.0
    x[pr.FEED_SCALE], x[pr.BASE_SCALE] = m.feed_bottle, m.base_bottle
    x[pr.OFFGAS_O2], x[pr.OFFGAS_CO2] = 20.95 * air, 0.04 * air
    x[pr.JACKET_T], x[pr.PRESSURE] = m.inside, m.head_mbar
