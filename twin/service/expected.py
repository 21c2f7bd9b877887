"""What a twin expected, as tables of a notebook."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from twin.domain.forecast import Forecast
from twin.service.tables import known_names, table

TIME: Final = pa.timestamp("ns", tz="UTC")


def moment_of(time_ns: int) -> datetime:
    """A time [ns since 1970-01-01 UTC] for people."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)


class Expected:
    """Forecasts of one vessel by name of the scenario; the run as it is comes first.

    Parameters
    ----------
    forecasts : Mapping of str to Forecast
    """

    def __init__(self, forecasts: Mapping[str, Forecast]) -> None:
        self.forecasts = dict(forecasts)

    @property
    def made(self) -> datetime:
        """Time of the belief they begin with."""
        return moment_of(next(iter(self.forecasts.values())).made_ns)

    def bands(self, *names: str) -> "pa.Table":
        """The 90 % bands: ``scenario, time, name, low, middle, high, unit``; all when nothing is named."""
        found = self.forecasts.items()
        known = {o.name: o for _, f in found for o in f.outlooks}
        wanted = known_names(names or tuple(known), known, "forecast")
        rows = [
            (scenario, t, o.name, o.low[i], o.middle[i], o.high[i], o.unit)
            for scenario, f in found
            for o in f.outlooks
            if o.name in wanted
            for i, t in enumerate(f.times_ns)
        ]
        number, text = pa.float64(), pa.string()
        return table(
            rows,
            ("scenario", "time", "name", "low", "middle", "high", "unit"),
            (text, TIME, text, number, number, number, text),
        )

    def ends(self) -> "pa.Table":
        """Ends: ``scenario, early, at, late, reason, titre_low, titre, titre_high, unit``."""
        rows = [
            (name, h.early_ns, h.at_ns, h.late_ns, h.reason, *(h.titre or (None, None, None)), h.unit)
            for name, f in self.forecasts.items()
            if (h := f.harvest) is not None
        ]
        number, text = pa.float64(), pa.string()
        return table(
            rows,
            ("scenario", "early", "at", "late", "reason", "titre_low", "titre", "titre_high", "unit"),
            (text, TIME, TIME, TIME, text, number, number, number, text),
        )

    def exits(self) -> "pa.Table":
        """Limits that are left: ``scenario, tag, low, high, probability, likely``."""
        rows = [
            (name, e.tag, e.low, e.high, e.probability, e.likely_ns)
            for name, f in self.forecasts.items()
            for e in f.exits
        ]
        number, text = pa.float64(), pa.string()
        return table(
            rows,
            ("scenario", "tag", "low", "high", "probability", "likely"),
            (text, text, number, number, number, TIME),
        )
