"""What a fleet costs: the filter for many vessels at once, and the engine for many beside each other.

Run: ``OPENBLAS_NUM_THREADS=1 python -m benchmarks.fleet_bench [filter] [engine]``; both without a name.
Prints processor time of one core. filterpy is compared in the same run where it can be imported
(``pip install --target FOLDER filterpy`` and ``PYTHONPATH=FOLDER``).
"""

import argparse
import gc
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import numba
import numpy as np

from simulators.plant import Plant
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.measurement import Measurement, Reading
from twin.observers.ukf import Belief, correct, predict
from twin.processes.base import Array
from twin.service.app import COLLECT_AFTER
from twin.service.build import Faults, build_line
from twin.service.campaign import BaseSection, Plan, scenario_of
from twin.service.line import LineFile
from twin.service.replay import WINDOW
from twin.service.trial import HOUR, START_NS, Follower, readings
from twin.service.yaml_file import read_yaml

OURS: Final = "twin.observers.ukf, {:,} vessels"
FLEETS: Final = (10, 100, 1_000, 10_000)
VESSELS: Final = (1, 10, 50)
FRAME_S: Final = 120.0
"""Length of a frame of the CHO model [s]."""
OFTEN_H: Final = 0.5
"""How long the vessels that say a value a second are followed [h]."""
LONG_H: Final = 48.0
"""How long the vessel with its laboratory is followed [h]."""
N: Final = 14
M: Final = 8
DT: Final = 1.0 / 30.0
SEED: Final = 2600
"""Of the engine's batch; nothing is scored on it."""


# -- the filter --------------------------------------------------------------------------------------------


def step(x: Array) -> Array:
    """Two minutes of a fed-batch with 14 states (..., 14); made up for this, no model of the twin.

    Cells, dead cells, glucose, glutamine, lactate, ammonia, product, volume, oxygen, carbon dioxide, and the
    logarithms of growth, oxygen uptake, kLa and feed.
    """
    xv, xd, glc, gln, lac, amm, pro, vol, o2, co2, mu, q, kla, feed = np.moveaxis(x, -1, 0)
    grown = np.exp(mu) * xv * glc / (0.5 + glc) * gln / (0.1 + gln)
    died = 0.002 * xv * (1.0 + amm / 5.0)
    used, given, fed = np.exp(q) * xv, np.exp(kla) * (1.0 - o2), np.exp(feed) / vol
    rates = (
        grown - died - fed * xv, died - fed * xd,
        fed * (200.0 - glc) - 1.2 * grown, fed * (20.0 - gln) - 0.2 * grown,
        1.1 * grown - fed * lac, 0.15 * grown - fed * amm, 0.05 * xv - fed * pro, np.exp(feed),
        given - used * o2, used * o2 - 5.0 * co2, -0.01 * mu - 0.03, -0.01 * q, -0.01 * kla, -0.01 * feed,
    )  # fmt: skip
    return x + DT * np.stack(rates, axis=-1)


def look(x: Array) -> Array:
    """Eight readings (..., 8)."""
    xv, _, glc, _, lac, amm, _, vol, o2, co2, _, q, kla, feed = np.moveaxis(x, -1, 0)
    acid = 7.0 - 0.02 * lac + 0.05 * amm
    return np.stack((vol, o2, co2, np.exp(q) * xv, np.exp(kla), np.exp(feed), acid, glc + lac), axis=-1)


START: Final = np.array([5, 0.2, 20, 4, 2, 1, 0.1, 2, 0.4, 0.05, -3.5, -3, 1, -5.0])
SCALE: Final = np.maximum(0.1, 0.1 * np.abs(START))
NOISE: Final = (0.02 * SCALE) ** 2
ERROR: Final = np.full(M, 0.05**2)
FAR: Final = np.full(M, 8.0)


def filter_rows(fleets: tuple[int, ...] = FLEETS, least_s: float = 1.0) -> list[tuple[str, float]]:
    """Microseconds of one core per vessel and step, by what is measured."""
    rows = [(OURS.format(n), _fleet_us(n, least_s)) for n in fleets]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from filterpy.kalman import MerweScaledSigmaPoints, UnscentedKalmanFilter
    except ImportError:
        print("filterpy can not be imported: no comparison")
        return rows
    made = MerweScaledSigmaPoints(N, 1.0, 2.0, 3.0 - N), UnscentedKalmanFilter
    rows.append(("filterpy, numpy functions", _one_us(made, step, look, least_s)))
    rows.append(("filterpy, compiled functions", _one_us(made, *compiled(), least_s)))
    return rows


def show_filter() -> None:
    """Print what a step of the filter costs, and how many times that filterpy takes."""
    rows = filter_rows()
    thousand = dict(rows)[OURS.format(1_000)]
    print(f"Filter, {N} states, {M} readings, one step of prediction and correction")
    for what, us in rows:
        print(
            f"{what:40s} {us:8.1f} us per vessel and step; {us / thousand:6.2f} times that of 1,000 vessels"
        )


def _fleet_us(vessels: int, least_s: float) -> float:
    draw = np.random.default_rng(vessels)
    truth = START + 0.05 * SCALE * draw.standard_normal((vessels, N))
    belief = Belief(np.tile(START, (vessels, 1)), np.tile(np.diag((0.1 * SCALE) ** 2), (vessels, 1, 1)))
    measured, mask = look(truth) + 0.05 * draw.standard_normal((vessels, M)), np.ones((vessels, M), bool)

    def once() -> None:
        nonlocal belief
        prior = predict(belief, step, NOISE, SCALE)
        belief = correct(prior.belief, look, measured, lambda _: ERROR, mask, SCALE, FAR).belief

    used = per_call(once, least_s)
    assert np.isfinite(belief.mean).all()
    return 1e6 * used / vessels


def _one_us(made: Any, fx: Callable[[Array], Array], hx: Callable[[Array], Array], least_s: float) -> float:
    points, kind = made
    ukf = kind(N, M, DT, hx, lambda x, _: fx(x), points)
    ukf.x, ukf.P, ukf.Q, ukf.R = START.copy(), np.diag((0.1 * SCALE) ** 2), np.diag(NOISE), np.diag(ERROR)
    measured = look(START)

    def once() -> None:
        ukf.predict()
        ukf.update(measured)

    return 1e6 * per_call(once, least_s)


def compiled() -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """`step` and `look` for one point, compiled."""

    @numba.njit(cache=False)  # type: ignore[untyped-decorator]
    def step_one(x: Array) -> Array:
        xv, xd, glc, gln, lac, amm, pro, vol, o2, co2, mu, q, kla, feed = (
            x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], x[9], x[10], x[11], x[12], x[13],
        )  # fmt: skip
        grown = np.exp(mu) * xv * glc / (0.5 + glc) * gln / (0.1 + gln)
        died = 0.002 * xv * (1.0 + amm / 5.0)
        used, given, fed = np.exp(q) * xv, np.exp(kla) * (1.0 - o2), np.exp(feed) / vol
        rates = np.array([
            grown - died - fed * xv, died - fed * xd,
            fed * (200.0 - glc) - 1.2 * grown, fed * (20.0 - gln) - 0.2 * grown,
            1.1 * grown - fed * lac, 0.15 * grown - fed * amm, 0.05 * xv - fed * pro, np.exp(feed),
            given - used * o2, used * o2 - 5.0 * co2, -0.01 * mu - 0.03, -0.01 * q, -0.01 * kla, -0.01 * feed,
        ])  # fmt: skip
        return x + DT * rates

    @numba.njit(cache=False)  # type: ignore[untyped-decorator]
    def look_one(x: Array) -> Array:
        acid = 7.0 - 0.02 * x[4] + 0.05 * x[5]
        flows = np.exp(x[11]) * x[0], np.exp(x[12]), np.exp(x[13])
        return np.array([x[7], x[8], x[9], flows[0], flows[1], flows[2], acid, x[2] + x[4]])

    assert np.allclose(step_one(START), step(START))
    assert np.allclose(look_one(START), look(START))
    return step_one, look_one


def per_call(call: Callable[[], None], least_s: float) -> float:
    """Processor time of one call [s]: the least of three groups of calls that last `least_s` together."""
    call()
    begun, count = time.process_time(), 0
    while time.process_time() - begun < least_s / 3 or not count:
        call()
        count += 1
    found = [(time.process_time() - begun) / count]
    for _ in range(2):
        begun = time.process_time()
        for _ in range(count):
            call()
        found.append((time.process_time() - begun) / count)
    return min(found)


# -- the engine --------------------------------------------------------------------------------------------


def fleet_line(vessels: int) -> tuple[LineFile, Line]:
    """The demo line with so many vessels like its R101, each with its twin."""
    raw = read_yaml(files("seeds") / "lines" / "demo.yaml")
    first = raw["vessels"][0]
    start = datetime.fromtimestamp((START_NS - 72 * HOUR) / 1e9, UTC)
    named = [
        {**first, "id": f"V{i:04d}", "batch": {**first["batch"], "start": start}} for i in range(vessels)
    ]
    line_file = LineFile.model_validate({**raw, "vessels": named, "sources": []})
    faults = Faults()
    line = build_line(line_file, faults)
    if line is None or faults.found:
        raise ConfigError("\n".join(faults.found))
    return line_file, line


def said(hours: float, period_s: float) -> list[list[Reading]]:
    """What one simulated vessel says, one list a frame, in order of arrival."""
    base = BaseSection(hours=hours, period_s=period_s)
    plant = Plant(scenario_of(Plan(SEED, hours, 72.0, None), base))
    return [readings(plant.advance(end)) for end in np.arange(FRAME_S, hours * 3600.0 + 1.0, FRAME_S)]


def named(row: Reading, vessel: str) -> Reading:
    """The reading as if it came from another vessel."""
    return row._replace(address=f"{vessel}.{row.address.partition('.')[2]}")


def slices(frame: list[Reading], seconds: float) -> list[list[Reading]]:
    """A frame's readings in the pieces in which a wire brings them, so many seconds each."""
    found: dict[int, list[Reading]] = {}
    for row in frame:
        found.setdefault(int(row.received_ns // (seconds * 1e9)), []).append(row)
    return list(found.values())


def engine_row(vessels: int, frames: list[list[Reading]], seconds: float) -> tuple[float, float]:
    """Milliseconds of one core per vessel and frame: of the tag book, and of the engine."""
    follower = Follower(*fleet_line(vessels))
    ids = list(follower.engine.vessels)
    booked = thought = 0.0
    for piece in (piece for frame in frames for piece in slices(frame, seconds)):
        rows = [named(row, vessel) for row in piece for vessel in ids]
        begun = time.process_time()
        measured = [m for m in (follower.book.measure(r, WINDOW) for r in rows) if isinstance(m, Measurement)]
        taken = time.process_time()
        follower.engine.handle(measured)
        booked, thought = booked + taken - begun, thought + time.process_time() - taken
    per = 1e3 / (vessels * len(frames))
    return booked * per, thought * per


def show_engine() -> None:
    """Print what vessels cost at a value a second, and one with its laboratory at a value a minute."""
    gc.set_threshold(COLLECT_AFTER, 10, 10)  # as the service does
    often, long = said(OFTEN_H, 1.0), said(LONG_H, 60.0)
    engine_row(1, often[:2], 1.0)  # imports and first calls
    print("\nEngine with cho_fedbatch, monitors included; processor time of one core")
    for vessels in VESSELS:
        _show_row(f"{vessels} vessels, a value a second", *engine_row(vessels, often, 1.0))
    _show_row(f"1 vessel, {LONG_H:g} h with laboratory, a value a minute", *engine_row(1, long, 60.0))


def _show_row(what: str, booked: float, thought: float) -> None:
    whole = booked + thought
    print(
        f"{what:50s} {whole:6.2f} ms per vessel and frame (tag book {booked:.2f}, engine {thought:.2f}), "
        f"{1e3 * whole / FRAME_S:6.1f} us per vessel and second; 1,000 need {whole / FRAME_S:.3f} of a core"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["filter", "engine", []], help="both when none is named")
    asked = parser.parse_args().what or ["filter", "engine"]
    if "filter" in asked:
        show_filter()
    if "engine" in asked:
        show_engine()


if __name__ == "__main__":
    main()
