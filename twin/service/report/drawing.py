"""One course as SVG: measured values, the twin's band, alarm limits. The same input gives the same text."""

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log10
from statistics import median
from typing import Final

from twin.domain.tag import TagKind
from twin.ports import Trend
from twin.service.report.gather import Course

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 150, 52, 24, 8
"""Size and margins of a drawing [px]."""
BAND: Final = 1.96
"""Half width of the band [standard deviations]: 95 % of a normal distribution."""
Place = Callable[[float], float]


def draw(
    course: Course,
    start_ns: int,
    end_ns: int,
    zero_ns: int,
    number: Callable[[float], str],
    since_ns: int | None = None,
) -> str:
    """Draw one tag between two times, with a line at `since_ns`; the axis counts hours from `zero_ns`."""
    low, high = _extent(course)
    size, length = max(high - low, 1e-9), max(end_ns - start_ns, 1)

    def x(t: float) -> float:
        return LEFT + (WIDTH - LEFT - 6) * (t - start_ns) / length

    def y(value: float) -> float:
        share = min(max((value - low) / size, 0.0), 1.0)  # a band may leave the drawing
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)

    body = [
        _axes(low, high, y, (start_ns - zero_ns) / 3.6e12, (end_ns - zero_ns) / 3.6e12, number),
        _band(course, x, y),
        _limits(course, low, high, y),
        ""
        if since_ns is None
        else f'<path d="M{x(since_ns):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#6b7480"/>',
        _marks(course.measured, x, y) if course.tag.kind is TagKind.ASSAY else _line(course, x, y),
    ]
    name = escape(f"{course.tag.id} [{course.tag.unit}]")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{name}">{"".join(body)}</svg>'
    )


def _extent(course: Course) -> tuple[float, float]:
    """Least and most to be drawn: all values, all means with a band of the usual width."""
    values = [v for v in course.measured.values if v is not None]
    means = [v for v in course.mean.values if v is not None]
    if means:
        usual = BAND * median(v for v in course.sd.values if v is not None)
        values += [min(means) - usual, max(means) + usual]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = 0.06 * (high - low) or 0.05 * max(abs(high), 1e-3)
    return low - room, high + room


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values in a range, `most` at most: steps of 1, 2 or 5 times a power of ten."""
    raw = max((high - low) / most, 1e-12)
    power: float = 10.0 ** floor(log10(raw))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= raw)
    return [k * step for k in range(ceil(low / step), floor(high / step) + 1)]


def _axes(low: float, high: float, y: Place, begin: float, end: float, number: Callable[[float], str]) -> str:
    floor_y = HEIGHT - BOTTOM
    parts = [f'<path d="M{LEFT} {TOP}V{floor_y}H{WIDTH - 6}" fill="none" stroke="#6b7480"/>']
    style = 'font-family="Libertinus Serif, serif" font-size="11" fill="#1c2733"'
    for value in ticks(low, high, 5):
        at = y(value)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - 6}" stroke="#e6e9ed"/>')
        label = escape(number(value))
        parts.append(f'<text x="{LEFT - 4}" y="{at + 3.5:.1f}" text-anchor="end" {style}>{label}</text>')
    for hour in ticks(begin, end, 8):
        at = LEFT + (WIDTH - LEFT - 6) * (hour - begin) / max(end - begin, 1e-12)
        parts.append(f'<path d="M{at:.1f} {floor_y}v4" stroke="#6b7480"/>')
        label = escape(number(hour))
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 7}" text-anchor="middle" {style}>{label} h</text>')
    return "".join(parts)


def _band(course: Course, x: Place, y: Place) -> str:
    known = [
        (t, m, BAND * s)
        for t, m, s in zip(course.mean.times_ns, course.mean.values, course.sd.values, strict=True)
        if m is not None and s is not None
    ]
    if not known:
        return ""
    edge = [(t, m - s) for t, m, s in known] + [(t, m + s) for t, m, s in reversed(known)]
    around = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in edge)
    middle = " ".join(f"{x(t):.1f},{y(m):.1f}" for t, m, _ in known)
    return (
        f'<polygon points="{around}" fill="#f0c9a8"/>'
        f'<polyline points="{middle}" fill="none" stroke="#b5591c" stroke-width="0.8"/>'
    )


def _limits(course: Course, low: float, high: float, y: Place) -> str:
    limits = course.tag.limits
    inner, outer = (limits.low, limits.high), (limits.low_low, limits.high_high)
    lines = [(v, "#a8841a") for v in inner] + [(v, "#b3261e") for v in outer]
    return "".join(
        f'<path d="M{LEFT} {y(v):.1f}H{WIDTH - 6}" stroke="{colour}" stroke-dasharray="5 3"/>'
        for v, colour in lines
        if v is not None and low <= v <= high
    )


def _line(course: Course, x: Place, y: Place) -> str:
    stroke = 'fill="none" stroke="#1f5a96" stroke-width="1"'
    return "".join(
        f'<polyline points="{" ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in run)}" {stroke}/>'
        for run in _runs(course.measured, course.tag.silence_s)
    )


def _runs(measured: Trend, silence_s: float) -> list[list[tuple[int, float]]]:
    """Stretches without a hole: a missing value, or a time longer than silence and the drawing's step."""
    times = measured.times_ns
    step = (times[-1] - times[0]) / max(len(times), 1) if times else 0.0
    hole = max(silence_s * 1e9, 6 * step)
    runs: list[list[tuple[int, float]]] = []
    last: int | None = None
    for t, value in zip(times, measured.values, strict=True):
        if value is None:
            last = None
            continue
        if last is None or t - last > hole:
            runs.append([])
        runs[-1].append((t, value))
        last = t
    return runs


def _marks(measured: Trend, x: Place, y: Place) -> str:
    known: Sequence[tuple[int, float]] = [
        (t, v) for t, v in zip(measured.times_ns, measured.values, strict=True) if v is not None
    ]
    return "".join(f'<circle cx="{x(t):.1f}" cy="{y(v):.1f}" r="2.6" fill="#1f5a96"/>' for t, v in known)
