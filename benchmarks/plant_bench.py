"""What one simulated minute of a vessel costs: chemistry, control, probes, noise, rows and all.

Run: ``python -m benchmarks.plant_bench``. Prints processor time of one core, and ratios within one run:
against the same equations integrated by scipy's LSODA, with their right-hand side in Python and compiled, and
against pensimpy when ``--pensimpy PYTHON`` names an interpreter that has it. ``--batches N`` runs so many
batches of the packaged scenario ``healthy`` on one process and on all cores too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from simulators import chemistry, parameters, state, vessel
from simulators.monte_carlo import monte_carlo
from simulators.plant import Plant
from simulators.scenario import Scenario, load_scenario, packaged

DAYS = 14
FLEET_H = 2.0
"""Length of the parts a fleet is advanced by [h]; short parts cost more than whole days."""
PENSIM_MINUTES = 12.0
"""One step of pensimpy."""
PENSIM = """
import sys, time, types
try:
    import fastodeint
except ImportError:
    if FAST_PATH:
        raise
    sys.modules["fastodeint"] = types.ModuleType("fastodeint")  # imported, not used, by the slow path
from pensimpy.peni_env_setup import PenSimEnv
from pensimpy.examples.recipe import Recipe, RecipeCombo
from pensimpy.data.constants import *
from pensimpy.data.constants import FS, FOIL, FG, PRES, DISCHARGE, WATER, PAA
from pensimpy.data.constants import FS_DEFAULT_PROFILE, FOIL_DEFAULT_PROFILE, FG_DEFAULT_PROFILE
from pensimpy.data.constants import PRESS_DEFAULT_PROFILE, DISCHARGE_DEFAULT_PROFILE
from pensimpy.data.constants import WATER_DEFAULT_PROFILE, PAA_DEFAULT_PROFILE
pairs = ((FS, FS_DEFAULT_PROFILE), (FOIL, FOIL_DEFAULT_PROFILE), (FG, FG_DEFAULT_PROFILE),
         (PRES, PRESS_DEFAULT_PROFILE), (DISCHARGE, DISCHARGE_DEFAULT_PROFILE),
         (WATER, WATER_DEFAULT_PROFILE), (PAA, PAA_DEFAULT_PROFILE))
env = PenSimEnv(recipe_combo=RecipeCombo({name: Recipe(profile, name) for name, profile in pairs}), fast=FAST)
steps, step = [], env.step
env.step = lambda *a, **k: steps.append(1) or step(*a, **k)
begun = time.process_time()
try:
    env.get_batches(random_seed=1, include_raman=False)
except (ArithmeticError, ValueError):
    pass  # its own recipe drains the vessel after some 130 h
print(time.process_time() - begun, len(steps))
"""


def _scenario(count: int) -> Scenario:
    vessels = [{"fleet": {"count": count, "id": "R{n}"}}]
    raw = {"schema": 1, "id": "bench", "title": {"en": "bench"}, "duration_h": 24 * DAYS, "vessels": vessels}
    return Scenario.model_validate(raw)


def _whole(count: int, hours: float, parts: int) -> float:
    """Cost of one vessel and minute, the best of `parts` parts of `hours` of `count` vessels [us]."""
    plant = Plant(_scenario(count), keep_truth=count == 1)
    best = float("inf")
    for part in range(1, parts + 1):
        begun = time.process_time()
        plant.advance(part * hours * 3600.0)
        best = min(best, time.process_time() - begun)
    return best / (60.0 * hours * count) * 1e6


def _plain(record: Any) -> SimpleNamespace:
    """A record as Python reads it fastest."""
    return SimpleNamespace(**{name: float(record[name]) for name in record.dtype.names})


def _lsoda(minutes: int) -> float:
    """The equations alone by scipy's LSODA restarted every minute [us per minute].

    The right-hand side is compiled, or Python's own where NUMBA_DISABLE_JIT is 1.
    """
    p, k, u = parameters.record(2.0, {"inoculum": 5.0}, {}), chemistry.constants(), vessel.inputs()
    chemistry.constants_at(36.8, k)
    u.air, u.kla, u.jacket_in, u.head, u.hydrogen = 30.0, 4.0, 37.0, 1.003, 1e-7
    y, d = vessel.start(p, k), np.zeros(state.STATES)
    in_python = os.environ.get("NUMBA_DISABLE_JIT") == "1"
    q, r, s = (_plain(record) if in_python else record for record in (p, k, u))

    def rates(_: float, now: np.ndarray) -> np.ndarray:
        if in_python:
            slopes = [0.0] * state.STATES
            vessel.rates(now.tolist(), q, r, s, slopes)
            return np.array(slopes)
        vessel.rates(now, q, r, s, d)
        return d.copy()

    begun = time.process_time()
    for _ in range(minutes):
        y = solve_ivp(rates, (0.0, 1.0 / 60.0), y, method="LSODA", rtol=1e-6, atol=1e-9).y[:, -1]
    return (time.process_time() - begun) / minutes * 1e6


def _lsoda_in_python(minutes: int) -> float:
    code = f"from benchmarks.plant_bench import _lsoda; print(_lsoda({minutes}))"
    told = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True,
        text=True, check=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    return float(told.stdout)


def _pensimpy(python: str, fast: bool) -> str:
    """A batch of penicillin by pensimpy [us per minute], or why there is none."""
    code = PENSIM.replace("FAST_PATH", str(fast)).replace("FAST)", f"{fast})")
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if told.returncode:
        return f"failed: {told.stderr.strip().splitlines()[-1]}"
    seconds, steps = (float(word) for word in told.stdout.split()[-2:])
    minutes = PENSIM_MINUTES * steps
    return f"{seconds / minutes * 1e6:.0f} us per minute, over {minutes / 60:.0f} h"


def _batches(count: int) -> None:
    """Many batches on one process and on all cores: how much of the cores went into batches."""
    scenario, jobs = load_scenario(packaged("healthy")), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        for processes, batches in ((1, max(2, count // 10)), (jobs, count)):
            spent = _spent()
            told = monte_carlo(scenario, Path(folder) / f"{processes}.parquet", batches, processes)
            spent = _spent() - spent
            print(
                f"{batches} batches on {processes} processes: {told.wall_s:.0f} s, "
                f"{told.busy_s / batches:.2f} s of processor time each; {100.0 * told.efficiency:.0f} % of "
                f"{processes} cores, {100.0 * told.busy_s / spent:.0f} % of the processor time taken; "
                f"sha256 {told.sha256[:12]}"
            )


def _spent() -> float:
    """Processor time of this process and of those it has waited for [s]."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pensimpy", help="a Python interpreter that has pensimpy")
    parser.add_argument("--batches", type=int, default=0, help="run so many batches too")
    given = parser.parse_args()
    begun, cpu = time.perf_counter(), time.process_time()
    Plant(_scenario(1)).advance(0.0)
    print(f"first value after {time.perf_counter() - begun:.1f} s ({time.process_time() - cpu:.1f} s CPU)")
    whole = _whole(1, 24.0, DAYS)
    print(f"one vessel, {DAYS} days: {whole:.1f} us per simulated minute")
    alone = _whole(1, FLEET_H, 6)
    for count in (10, 100, 1000):
        one = _whole(count, FLEET_H, 3)
        print(f"a fleet of {count}: {one:.1f} us per vessel and minute, {one / alone:.2f} of one alone so")
    for how, cost in (("in Python", _lsoda_in_python(20)), ("compiled", _lsoda(200))):
        print(
            f"equations alone by scipy LSODA, right-hand side {how}: {cost:.0f} us, {cost / whole:.0f} times"
        )
    if given.pensimpy:
        for fast_path in (True, False):
            print(f"pensimpy, fast={fast_path}: {_pensimpy(given.pensimpy, fast_path)}")
    if given.batches:
        _batches(given.batches)


if __name__ == "__main__":
    main()
