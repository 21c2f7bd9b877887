"""Histogram and quality over a time: exact on written rows, whole on any."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.domain.measurement import Measurement, Quality
from twin.domain.spread import MOST_BINS, MOST_STRETCHES, Stretch, histogram, quantile, spread
from twin.domain.tag import Tag

SECOND = 1_000_000_000
TAG = Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02, 1.0, silence_s=10.0)
GOOD, UNCERTAIN, BAD, STALE = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.STALE


def row(at_s: float, value: float | None = 7.0, quality: Quality = GOOD) -> Measurement:
    at = int(at_s * SECOND)
    return Measurement(TAG.id, value, quality, at, at)


def test_each_quality_lasts_until_the_next_value_or_until_it_is_too_old() -> None:
    rows = [row(95), row(103, 7.1), row(106, 7.1, UNCERTAIN), row(108, None, BAD), row(112), row(150)]
    found = spread(TAG, rows, 100 * SECOND, 160 * SECOND)
    assert [(s.start_ns // SECOND, s.end_ns // SECOND, s.quality) for s in found.stretches] == [
        (100, 106, GOOD),
        (106, 108, UNCERTAIN),
        (108, 112, BAD),
        (112, 122, GOOD),
        (122, 150, STALE),
        (150, 160, GOOD),
    ]
    assert found.seconds == {GOOD: 26.0, UNCERTAIN: 2.0, BAD: 4.0, STALE: 28.0}
    assert found.count == 4, "neither the one before nor the one without a value counts"


def test_what_was_never_measured_is_stale_throughout() -> None:
    found = spread(TAG, [], 0, 60 * SECOND)
    assert found.stretches == (Stretch(0, 60 * SECOND, STALE),)
    assert found.figures == {}
    assert found.counts == ()


def test_the_figures_are_those_of_the_values() -> None:
    rows = [row(i, float(v)) for i, v in enumerate(range(1, 101))]
    found = spread(TAG, rows, 0, 200 * SECOND)
    assert found.figures == pytest.approx(
        {"least": 1, "p5": 5.95, "median": 50.5, "p95": 95.05, "most": 100, "mean": 50.5, "sd": 29.0115},
        rel=1e-5,
    )
    # Freedman and Diaconis: 2 x 49.5 / 100^(1/3) = 21.33, so five bars
    assert found.width == pytest.approx(21.328, rel=1e-4)
    assert found.counts == (22, 21, 21, 22, 14)


def test_values_that_hardly_vary_are_counted_as_fine_as_the_tag_is_accurate() -> None:
    low, width, counts = histogram([7.0] * 9 + [7.05], 0.02)
    assert (low, width, counts) == (7.0, 0.02, (9, 0, 1))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_every_value_is_in_one_bar(values: list[float]) -> None:
    low, width, counts = histogram(sorted(values), 0.02)
    assert sum(counts) == len(values)
    assert 1 <= len(counts) <= MOST_BINS
    assert low == min(values)
    assert low + width * len(counts) >= max(values) - 1e-6 * max(1.0, abs(max(values)))
    assert min(values) <= quantile(sorted(values), 0.5) <= max(values)


@given(
    st.lists(
        st.tuples(st.integers(-20, 1000), st.sampled_from(list(Quality)), st.one_of(st.none(), st.just(7.0))),
        max_size=80,
        unique_by=lambda each: each[0],
    )
)
def test_the_time_is_covered_once_and_adds_up(seen: list[tuple[int, Quality, float | None]]) -> None:
    rows = [row(at, value, quality) for at, quality, value in sorted(seen, key=lambda each: each[0])]
    found = spread(TAG, rows, 0, 900 * SECOND)
    assert found.stretches[0].start_ns == 0
    assert found.stretches[-1].end_ns == 900 * SECOND
    assert all(a.end_ns == b.start_ns and a.quality is not b.quality for a, b in pairwise(found.stretches))
    assert sum(found.seconds.values()) == pytest.approx(900.0)


def test_a_restless_quality_is_drawn_together_and_never_better_than_it_was() -> None:
    rows = [row(i, 7.0, BAD if i % 7 == 3 else GOOD) for i in range(5000)]
    found = spread(TAG, rows, 0, 5000 * SECOND)
    assert len(found.stretches) <= MOST_STRETCHES
    assert found.seconds[BAD] == sum(1 for i in range(5000) if i % 7 == 3)
    assert all(s.quality is BAD for s in found.stretches), "each stretch of 17 s had a bad value"
