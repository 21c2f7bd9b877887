"""How the values of one tag lie over a time, and for how long they could be believed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, fsum, sqrt
from typing import Final

from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Tag

MOST_BINS: Final = 60
"""Bars of a histogram at most (chosen default)."""
MOST_STRETCHES: Final = 300
"""Stretches of quality that are shown one by one; more are drawn together (chosen default)."""
WORST_FIRST: Final = (Quality.BAD, Quality.STALE, Quality.UNCERTAIN, Quality.GOOD)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which the quality stayed the same [ns since 1970-01-01 UTC]."""

    start_ns: int
    end_ns: int
    quality: Quality


@dataclass(frozen=True, slots=True)
class Spread:
    """What was measured between two times.

    Parameters
    ----------
    start_ns, end_ns : int
        What was looked at [ns since 1970-01-01 UTC].
    count : int
        Values of quality good or uncertain; the figures below are of these.
    low, width : float
        Begin of the first bar of the histogram and width of each [unit of the tag].
    counts : tuple of int
        Values in each bar; the last one holds its upper edge too.
    figures : Mapping[str, float]
        ``least``, ``p5``, ``median``, ``p95``, ``most``, ``mean``, ``sd`` [unit of the tag], or nothing.
    stretches : tuple of Stretch
        The quality over the time, without holes.
    seconds : Mapping[Quality, float]
        How long each quality lasted [s]; they add up to the time looked at.
    """

    start_ns: int
    end_ns: int
    count: int
    low: float
    width: float
    counts: tuple[int, ...]
    figures: Mapping[str, float]
    stretches: tuple[Stretch, ...]
    seconds: Mapping[Quality, float]


def spread(tag: Tag, rows: Sequence[Measurement], start_ns: int, end_ns: int) -> Spread:
    """Count what was measured in start <= t < end.

    Parameters
    ----------
    tag : Tag
    rows : sequence of Measurement
        Of the tag, by time; those of the last `tag.silence_s` before the start tell the quality at the start.
    start_ns, end_ns : int
        [ns since 1970-01-01 UTC], ``start_ns < end_ns``.
    """
    usable = (Quality.GOOD, Quality.UNCERTAIN)
    values = sorted(
        row.value
        for row in rows
        if row.value is not None and row.quality in usable and start_ns <= row.time_ns < end_ns
    )
    low, width, counts = histogram(values, tag.accuracy)
    stretches = tuple(_merged(_qualities(rows, int(tag.silence_s * 1e9), start_ns, end_ns)))
    seconds = {
        quality: fsum((s.end_ns - s.start_ns) / 1e9 for s in stretches if s.quality is quality)
        for quality in Quality
    }
    return Spread(
        start_ns, end_ns, len(values), low, width, counts, _figures(values), _coarse(stretches), seconds
    )


def histogram(values: Sequence[float], accuracy: float) -> tuple[float, float, tuple[int, ...]]:
    """Begin, width and counts of bars of equal width; the width after Freedman and Diaconis (1981).

    Where half of the values are one value, the bars are as wide as the tag is accurate.
    """
    if not values:
        return 0.0, 1.0, ()
    low, most = values[0], values[-1]
    width = 2.0 * (quantile(values, 0.75) - quantile(values, 0.25)) / len(values) ** (1 / 3)
    width = max(width or accuracy or 1.0, (most - low) / MOST_BINS)
    counts = [0] * max(1, min(MOST_BINS, ceil((most - low) / width)))
    for value in values:
        counts[min(int((value - low) / width), len(counts) - 1)] += 1
    return low, width, tuple(counts)


def quantile(values: Sequence[float], share: float) -> float:
    """Value below which a share of the sorted values lies, between two of them linearly."""
    at = share * (len(values) - 1)
    below = int(at)
    above = min(below + 1, len(values) - 1)
    return values[below] + (at - below) * (values[above] - values[below])


def _figures(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    mean = fsum(values) / len(values)
    sd = sqrt(fsum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else 0.0
    shares = {"least": 0.0, "p5": 0.05, "median": 0.5, "p95": 0.95, "most": 1.0}
    return {**{name: quantile(values, share) for name, share in shares.items()}, "mean": mean, "sd": sd}


def _qualities(rows: Sequence[Measurement], silence_ns: int, start_ns: int, end_ns: int) -> Iterator[Stretch]:
    """A value counts until the next one, at most as long as the tag may be silent; then it is stale."""
    yield Stretch(start_ns, min(rows[0].time_ns, end_ns) if rows else end_ns, Quality.STALE)
    for i, row in enumerate(rows):
        following = rows[i + 1].time_ns if i + 1 < len(rows) else end_ns
        over = min(following, row.time_ns + silence_ns)
        quality = Quality.BAD if row.value is None and row.quality is not Quality.STALE else row.quality
        yield Stretch(max(row.time_ns, start_ns), min(over, end_ns), quality)
        yield Stretch(max(over, start_ns), min(following, end_ns), Quality.STALE)


def _merged(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """Neighbours of the same quality as one; what has no length is left out."""
    last: Stretch | None = None
    for each in stretches:
        if each.end_ns <= each.start_ns:
            continue
        if last is not None and last.quality is each.quality:
            last = Stretch(last.start_ns, each.end_ns, each.quality)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last


def _coarse(stretches: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    """At most `MOST_STRETCHES`: where there are more, each drawn stretch has the worst quality within."""
    if len(stretches) <= MOST_STRETCHES:
        return stretches
    start, end = stretches[0].start_ns, stretches[-1].end_ns
    size = -(-(end - start) // MOST_STRETCHES)
    worst: dict[int, Quality] = {}
    for each in stretches:
        for i in range((each.start_ns - start) // size, -(-(each.end_ns - start) // size)):
            worst[i] = min(worst.get(i, Quality.GOOD), each.quality, key=WORST_FIRST.index)
    drawn = (
        Stretch(start + i * size, min(start + (i + 1) * size, end), quality)
        for i, quality in sorted(worst.items())
    )
    return tuple(_merged(drawn))
