"""How late a fault can be told at best: the delay of a matched filter that knows it.

Each fault of a campaign is simulated twice from the same seed, with it and without it, and followed by the
twin. What it does to the innovations of the filter is the difference of the two: its signature, with all that
the plant's loops and the filter's own absorbing make of it, and with scatter, because a loop that reads
another value also passes on other noise. A detector that knew the fault, its size and its onset, and for
which the innovations have the covariance that the filter states, would have

    d(T)^2 = sum over the frames up to T of  delta' S^-1 delta

of squared signal to noise (Van Trees, Detection, Estimation, and Modulation Theory I (1968), ch. 4.2).
Scatter is no signal: the two deltas of each product are of two different batches, counted from their onsets,
and the mean is taken over all pairs. The twin is kept from confirming anything, so that its filter stays the
same. The limit is the time until the sum passes the least ratio at which the twin tells anything. Nothing
that looks at the same innovations can be sooner on the average at this threshold; what an observer of the
values one by one finds (standing still, spikes, silence) is not in it.

    python -m benchmarks.bound_bench [CAMPAIGN] [--batches N] [--score SCORE.json] [--out BOUND.json]
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from twin.domain.asset import Line
from twin.engine.culture import CultureTwin
from twin.monitors.glr import Bank, Evidence
from twin.processes.base import LEAST_RATIO
from twin.service.campaign import BaseSection, Campaign, Plan, campaign_path, load_campaign, plans
from twin.service.line import LineFile
from twin.service.trial import HOUR, START_NS, run_all, run_one

Array = NDArray[np.float64]
Step = tuple[float, Array, Array]
"""Hours since the onset, what the fault does to the innovation (m,), the inverse of its covariance (m, m)."""
Fault = tuple[str, str, float]
"""Kind, what it is about, size."""
Seen = dict[int, tuple[Array, Array]]
"""Innovation (m,) and the inverse of its covariance (m, m) by end of frame [ns], as of the first pass."""


@contextmanager
def innovations() -> Iterator[Seen]:
    """What filters see meanwhile, frame by frame."""
    seen: Seen = {}
    keep = Bank.step

    def step(
        self: Bank, known: Evidence, start_ns: int, end_ns: int, F: Array, H: Array, K: Array,
        precision: Array, innovation: Array,
    ) -> None:  # fmt: skip
        seen.setdefault(end_ns, (innovation, precision))
        keep(self, known, start_ns, end_ns, F, H, K, precision, innovation)

    with (
        mock.patch.object(Bank, "step", step),
        mock.patch.object(CultureTwin, "_second_look", return_value=[]),
    ):
        yield seen


def followed(base: BaseSection, line_file: LineFile, line: Line, plan: Plan) -> Seen:
    """The innovations of one batch."""
    with innovations() as seen:
        run_one(base, line_file, line, plan)
    return seen


def signature(healthy: Seen, faulty: Seen, onset_h: float) -> list[Step]:
    """What the fault does to each innovation from its onset on."""
    onset_ns = START_NS + int(onset_h * HOUR)
    shared = sorted(healthy.keys() & faulty.keys())
    assert all((healthy[t][0] == faulty[t][0]).all() for t in shared if t <= onset_ns), (
        "differ before the fault"
    )
    return [
        ((t - onset_ns) / HOUR, faulty[t][0] - healthy[t][0], faulty[t][1]) for t in shared if t > onset_ns
    ]


def limit(signatures: Sequence[Sequence[Step]]) -> float:
    """Hours from the onset until the matched filter passes the least ratio; infinite if it never does."""
    pairs = list(permutations(range(len(signatures)), 2))
    total = 0.0
    for seen in zip(*signatures, strict=False):
        products = (seen[i][1] @ seen[i][2] @ seen[j][1] for i, j in pairs)
        total += sum(map(float, products)) / len(pairs)
        if total >= LEAST_RATIO:
            return float(np.mean([step[0] for step in seen]))
    return float("inf")


def ours(score: Path | None) -> dict[Fault, float | None]:
    """Median delays of a score by fault [h]."""
    rows: list[dict[str, Any]] = json.loads(score.read_text())["faults"] if score else []
    return {(row["kind"], row["tag"], row["size"]): row["median_delay_h"] for row in rows}


def best(campaign: Campaign, batches: list[Plan], jobs: int) -> float:
    """Limit of a fault from batches with it [h]."""
    both = [plan for faulty in batches for plan in (replace(faulty, fault=None), faulty)]
    seen = list(run_all(campaign, both, jobs, followed, beside=1))
    onsets = [plan.fault.at_h for plan in batches if plan.fault]
    return limit(list(map(signature, seen[::2], seen[1::2], onsets)))


def main() -> None:
    """Print the limit of every fault, and the twin's delay as a multiple of it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("campaign", nargs="?", default="faults")
    asked.add_argument("--batches", type=int, default=4, help="of each fault and size, at least two")
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--out", type=Path, help="limits by fault as JSON, for the page of scores")
    asked.add_argument("--score", type=Path, help="of the same campaign: for the multiple")
    options = asked.parse_args()
    campaign, told = load_campaign(campaign_path(options.campaign)), ours(options.score)
    groups: dict[Fault, list[Plan]] = {}
    for plan in plans(campaign):
        if fault := plan.fault:
            groups.setdefault((fault.kind, fault.concerns, fault.magnitude), []).append(plan)
    limits: dict[str, float] = {}
    for about, batches in groups.items():
        least, delay = best(campaign, batches[: options.batches], options.jobs), told.get(about)
        multiple = (
            f", told after {delay:.2f} h: {delay / least:.1f} times" if delay and least < np.inf else ""
        )
        name = " ".join(map(str, about))
        limits |= {name: least} if least < np.inf else {}
        print(f"{name:<36} limit {least:6.2f} h{multiple}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(limits, indent=2))


if __name__ == "__main__":
    main()
