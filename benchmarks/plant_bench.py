"""What one simulated minute of a vessel costs: chemistry, control, probes, noise, rows and all.

Run: ``python benchmarks/plant_bench.py``. Prints CPU time of one core.
"""

import time

import numpy as np
from scipy.integrate import solve_ivp

from simulators import chemistry, parameters, state, vessel
from simulators.plant import Plant
from simulators.scenario import Scenario

DAYS = 14


def _scenario(count: int) -> Scenario:
    vessels = [{"fleet": {"count": count, "id": "R{n}"}}]
    raw = {"schema": 1, "id": "bench", "title": {"en": "bench"}, "duration_h": 24 * DAYS, "vessels": vessels}
    return Scenario.model_validate(raw)


def _whole(count: int) -> float:
    """Cost of one vessel and minute, the best day of a run of `count` vessels [us]."""
    plant = Plant(_scenario(count), keep_truth=count == 1)
    best = float("inf")
    for day in range(1, DAYS + 1 if count == 1 else 3):
        begun = time.process_time()
        plant.advance(day * 86400.0)
        best = min(best, time.process_time() - begun)
    return best / (1440 * count) * 1e6


def _bench() -> tuple[np.ndarray, object, object, object]:
    p, k, u = parameters.record(2.0, {"inoculum": 5.0}, {}), chemistry.constants(), vessel.inputs()
    chemistry.constants_at(36.8, k)
    u.air, u.kla, u.jacket_in, u.head, u.hydrogen = 30.0, 4.0, 37.0, 1.003, 1e-7
    return vessel.start(p, k), p, k, u


def _lsoda() -> float:
    """The same equations, compiled, by scipy's LSODA restarted every minute [us per minute]."""
    y, p, k, u = _bench()
    d = np.zeros(state.STATES)

    def rates(_: float, now: np.ndarray) -> np.ndarray:
        vessel.rates(now, p, k, u, d)
        return d.copy()

    begun = time.process_time()
    for _ in range(200):
        y = solve_ivp(rates, (0.0, 1.0 / 60.0), y, method="LSODA", rtol=1e-6, atol=1e-9).y[:, -1]
    return (time.process_time() - begun) / 200 * 1e6


def main() -> None:
    """Print the table."""
    begun, cpu = time.perf_counter(), time.process_time()
    Plant(_scenario(1)).advance(0.0)
    print(f"first value after {time.perf_counter() - begun:.1f} s ({time.process_time() - cpu:.1f} s CPU)")
    print(f"one vessel, {DAYS} days: {_whole(1):.1f} us per simulated minute")
    print(f"a fleet of 20: {_whole(20):.1f} us per vessel and minute")
    print(f"equations alone by scipy LSODA, compiled right-hand side: {_lsoda():.0f} us per minute")


if __name__ == "__main__":
    main()
