"""Thresholds of the unusual vessel from its promised false-alarm rate.

Fleets of healthy vessels are simulated: deviations from each other of standard deviation 1 that keep 72 h,
independent for three quantities. The threshold is the one that as many batches of 14 days pass, twice in a
row, as are promised.

    python -m benchmarks.siblings_bench
"""

import math

import numpy as np
from numpy.typing import NDArray

from twin.monitors.siblings import COMPARED, GRID_H, PROMISED, THRESHOLDS, YOUNG_H, deviation

BATCH_H = 336
KEEPS_H = 72.0
FLEETS = 6000
"""Vessels simulated for each size."""


def deviations(fleet: NDArray[np.float64]) -> NDArray[np.float64]:
    """|z| of every vessel (F, n, T, Q) against its siblings; the formula of the monitor, for arrays."""
    found = np.empty_like(fleet)
    n = fleet.shape[1]
    for i in range(n):
        others = np.delete(fleet, i, axis=1)
        centre = np.median(others, axis=1)
        mad = 1.4826 * np.median(np.abs(others - centre[:, None]), axis=1)
        scale = np.sqrt((4.0 + (n - 1) * mad**2) / (4.0 + n - 1))
        found[:, i] = np.abs(fleet[:, i] - centre) / (scale * math.sqrt(1.0 + math.pi / (2.0 * (n - 1))))
    return found


def simulated(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Fleets of `n` healthy vessels: (F, n, T, Q)."""
    steps, keep = (BATCH_H - YOUNG_H) // GRID_H, math.exp(-GRID_H / KEEPS_H)
    fleet = rng.normal(size=(max(400, FLEETS // n), n, steps, len(COMPARED)))
    for t in range(1, steps):
        fleet[:, :, t] = keep * fleet[:, :, t - 1] + math.sqrt(1.0 - keep**2) * fleet[:, :, t]
    return fleet


def main() -> None:
    """Print the thresholds, beside those of the monitor, and the rate those have."""
    rng = np.random.default_rng(1)
    share = PROMISED / 1000.0 * BATCH_H
    sample = np.array([0.3, 0.0, 0.1, -0.1, 0.05])
    fleet = (sample / COMPARED["est_VCD"]).reshape(1, 5, 1, 1)
    assert math.isclose(
        float(deviations(fleet)[0, 0, 0, 0]), deviation("est_VCD", 0.3, sample[1:].tolist())[1]
    )
    for siblings, used in THRESHOLDS.items():
        z = deviations(simulated(siblings + 1, rng)).max(axis=-1)
        both = np.minimum(z[:, :, 1:], z[:, :, :-1]).max(axis=2).ravel()
        rate = float((both > used).mean()) / BATCH_H * 1000.0
        wanted = float(np.quantile(both, 1.0 - share))
        print(f"{siblings:3} siblings: threshold {wanted:.2f}, used {used:.2f}: {rate:.2f} per 1,000 h")


if __name__ == "__main__":
    main()
