"""TagBook: resolves a Reading against its Tag, or says why it may not pass."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from twin.domain.instant import iso
from twin.domain.measurement import BAD, STALE, Measurement, Quarantined, Reading
from twin.domain.tag import Tag

ABSURD_SPANS = 1000.0
"""A number this many spans outside the measuring range is not a reading at all (chosen default)."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Source times that can be true: ``earliest_ns <= time < latest_ns`` [ns since 1970-01-01 UTC]."""

    earliest_ns: int
    latest_ns: int


class TagBook:
    """Every tag of a line by its id."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self.tags: dict[str, Tag] = {tag.id: tag for tag in tags}

    def measure(self, reading: Reading, window: TimeWindow) -> Measurement | Quarantined:
        """Resolve one reading.

        Parameters
        ----------
        reading : Reading
        window : TimeWindow
            Source times outside are refused.

        Returns
        -------
        Measurement or Quarantined
            A value outside the measuring range stays, with quality BAD, so that it is seen
            and never believed; what is no reading at all is quarantined with a reason.
        """
        return self.refusal(reading, window) or _measurement(reading, self.tags[reading.address])

    def refusal(self, reading: Reading, window: TimeWindow) -> Quarantined | None:
        """Why a reading may not pass; None when it may."""
        tag = self.tags.get(reading.address)
        if tag is None:
            return Quarantined(reading, "unknown_tag", f"no tag {reading.address!r} in this line")
        refusal = _time_refusal(reading.time_ns, window) or _value_refusal(reading, tag)
        return Quarantined(reading, *refusal) if refusal else None


def _time_refusal(time_ns: int | None, window: TimeWindow) -> tuple[str, str] | None:
    if time_ns is None:
        return "no_time", "no source time came with the value; send one (ISO 8601 with Z)"
    if window.earliest_ns <= time_ns < window.latest_ns:
        return None
    if time_ns >= window.latest_ns:
        return "future_time", f"source time {_when(time_ns)} lies in the future; check the sender's clock"
    return "past_time", f"source time {_when(time_ns)} lies too far back; check the sender's clock"


def _when(time_ns: int) -> str:
    """A time as people read it; one that no calendar holds as it came."""
    try:
        return iso(time_ns)
    except (ValueError, OverflowError, OSError):
        return f"{time_ns} ns"


def _value_refusal(reading: Reading, tag: Tag) -> tuple[str, str] | None:
    value = reading.value
    if value is None or (isinstance(value, float) and tag.low <= value <= tag.high):
        return None
    if isinstance(value, str):
        return "not_a_number", f"{tag.id} came as text {value[:40]!r}; a number in {tag.unit} would do"
    if not math.isfinite(value):
        return "not_finite", f"{tag.id} came as {value!r}; a finite number in {tag.unit} would do"
    if max(tag.low - value, value - tag.high) > ABSURD_SPANS * (tag.high - tag.low):
        return "absurd_value", f"{tag.id} came as {value!r}; its range is {tag.low}..{tag.high} {tag.unit}"
    return None


def _measurement(reading: Reading, tag: Tag) -> Measurement:
    value = None if reading.value is None else float(reading.value)
    quality = reading.quality
    if value is None:
        quality = quality if quality is STALE else BAD
    elif not tag.low <= value <= tag.high:
        quality = BAD
    assert reading.time_ns is not None
    return Measurement(
        reading.address, value, quality, reading.time_ns, reading.received_ns, source=reading.source
    )
