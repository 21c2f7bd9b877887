"""How a twin is, looked at once an hour: consistency, what its sensors let it know, how often it was lost."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from twin.domain.event import ModelRef
from twin.domain.trust import Seen, SelfReport
from twin.engine.mind import Mind
from twin.engine.trust import HOUR, KNOWN, WINDOW_H, Figures, TrustKeeper
from twin.observers.consistency import Consistency
from twin.observers.observability import doubt, slopes
from twin.observers.rewind import Row, readings_of
from twin.processes.base import Array, Hypothesis, Process, Shape, scales

ALIVE_H: Final = 1.0
"""A probe that said something within this time is alive [h] (chosen default)."""
JUMPS: Final = 3.0
"""A fault that jumps counts as noticed when this many times its least size is (chosen default)."""
DAY_H: Final = 24.0
"""A drift counts as noticed when what its least rate does in this time is [h]."""
SAMPLED_H: Final = 48.0
"""A laboratory value that came from a sample within this time is [h] (chosen default)."""


class SelfView:
    """Looks at one twin.

    Parameters
    ----------
    asset : str
    process : Process
    noise : Callable
        Variance of the readings of one frame given the expected readings.
    model : ModelRef
    """

    def __init__(
        self, asset: str, process: Process, noise: Callable[[Array], Array], model: ModelRef
    ) -> None:
        self.asset, self.process, self.model = asset, process, model
        self._noise = noise
        self._assay = np.array([o.assay for o in process.outputs], dtype=bool)
        self._scale = scales(process)
        names = [s.name for s in process.states]
        self._amiss = np.array([names.index(h.state) for h in process.hypotheses], dtype=np.intp)
        """states that the faults change (h,)"""
        least = np.array([_noticed(h) for h in process.hypotheses])
        self._more = np.maximum(least**2 - self._scale[self._amiss] ** 2, 0.0)
        """variance of each of them when the fault may be there, beyond what it has anyhow (h,)"""
        self.figures = Figures(
            Consistency.new(len(process.outputs)), 1.0, 0.0, bool(self._assay.all()), 0, False
        )
        self.looks: list[tuple[int, int]] = []
        """time of each look of the last hours, and the resets there had been [ns]"""
        self._seen: tuple[tuple[Seen, ...], tuple[Seen, ...], tuple[str, ...]] = ((), (), ())

    def look(self, mind: Mind, rows: Sequence[Row], explained: bool) -> None:
        """Look at the twin at the end of the last row."""
        now_ns, process = rows[-1].end_ns, self.process
        read = np.isfinite(readings_of(rows))
        age_h = (now_ns - np.array([row.end_ns for row in rows])) / HOUR
        alive = np.where(self._assay, read[age_h < SAMPLED_H].any(axis=0), read[age_h < ALIVE_H].any(axis=0))
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                left = doubt(process, mind.belief, rows[-1].inputs, alive, self._noise, self._scale)
            except np.linalg.LinAlgError:
                return  # a model that fails now is told by the reset; the next look finds it mended
            noticed = left.shares_of_more(self._amiss, self._more)
        if not np.isfinite(left.seen).all() or not np.isfinite(noticed).all():
            return
        slope = slopes(mind.belief, lambda x: process.derive(x, rows[-1].inputs), self._scale)
        named = zip((q.name for q in process.quantities), left.shares(slope).tolist(), strict=True)
        quantities = tuple(Seen(name, round(share, 3)) for name, share in named)
        noticed = np.where(rows[-1].mute, 0.0, noticed)
        told = zip((h.code for h in process.hypotheses), noticed.tolist(), strict=True)
        faults = tuple(Seen(code, round(share, 3)) for code, share in told)
        silent = tuple(o.name for o, here in zip(process.outputs, alive.tolist(), strict=True) if not here)
        self._seen = (quantities, faults, silent)
        self.looks = [(t, n) for t, n in self.looks if now_ns - t <= WINDOW_H * HOUR] + [
            (now_ns, mind.resets)
        ]
        some = read.any(axis=1)
        self.figures = Figures(
            mind.consistency,
            sum(s.share >= KNOWN for s in quantities) / len(quantities),
            float(age_h[some].min()) if some.any() else float(age_h.max()),
            bool(self._assay.all()),
            mind.resets - self.looks[0][1],
            explained,
        )

    def report(self, keeper: TrustKeeper) -> SelfReport | None:
        """What the last look gave; None before the first."""
        if not self._seen[0] or not self.looks:
            return None
        known, hours = self.figures.consistency, self.figures.consistency.hours
        nis, correlation = known.mean(WINDOW_H)
        low, high = hours[-1].band if hours else (0.0, 0.0)
        quantities, faults, silent = self._seen
        return SelfReport(
            self.asset, self.looks[-1][0], keeper.level, keeper.since_ns, keeper.reasons, nis, correlation,
            low, high, known.share_inside, quantities, faults, silent, self.looks[-1][1], self.model,
        )  # fmt: skip


def _noticed(h: Hypothesis) -> float:
    """What a fault does that is to be noticed: a day of the least drift, or a few times the least jump."""
    return h.least * (DAY_H if h.shape is Shape.RAMP else JUMPS)
