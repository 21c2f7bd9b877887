"""TagBook: what may pass, what is shown and not believed, what is refused and why."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.domain.measurement import Measurement, Quality, Quarantined, Reading
from twin.domain.tag import Tag
from twin.engine.tagbook import TagBook, TimeWindow

TAG = Tag("R101", "pH", "pH", "1", 2.0, 12.0, 0.02)
BOOK = TagBook([TAG])
WINDOW = TimeWindow(1_000, 2_000)


def measure(value, time_ns=1_500, quality=Quality.GOOD, address="R101.pH"):
    return BOOK.measure(Reading("ua", address, value, quality, time_ns, 1_600), WINDOW)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, "not_finite"),
        (math.inf, "not_finite"),
        (-math.inf, "not_finite"),
        (1e308, "absurd_value"),
        ("7,1", "not_a_number"),
        ("seven", "not_a_number"),
    ],
)
def test_what_is_no_number_is_refused_with_its_reason(value, reason) -> None:
    found = measure(value)
    assert isinstance(found, Quarantined)
    assert found.reason == reason
    assert "R101.pH" in found.detail


@pytest.mark.parametrize(("time_ns", "reason"), [(0, "past_time"), (2_000, "future_time"), (None, "no_time")])
def test_times_that_can_not_be_are_refused(time_ns, reason) -> None:
    found = measure(7.0, time_ns)
    assert isinstance(found, Quarantined)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("time_ns", "said"),
    [
        (-1, "source time 1969-12-31T23:59:59.999Z lies too far back"),
        (1_700_000_000_000_000_000, "source time 2023-11-14T22:13:20.000Z lies in the future"),
        (10**25, f"source time {10**25} ns lies in the future"),
    ],
)
def test_a_refused_time_is_told_as_people_read_it(time_ns: int, said: str) -> None:
    found = measure(7.0, time_ns)
    assert isinstance(found, Quarantined)
    assert said in found.detail


def test_an_unknown_tag_is_refused() -> None:
    found = measure(7.0, address="R999.pH")
    assert isinstance(found, Quarantined)
    assert found.reason == "unknown_tag"


def test_out_of_range_is_kept_and_not_believed() -> None:
    found = measure(14.2)
    assert isinstance(found, Measurement)
    assert (found.value, found.quality) == (14.2, Quality.BAD)


def test_no_value_is_bad_whatever_the_wire_says() -> None:
    found = measure(None)
    assert isinstance(found, Measurement)
    assert found.quality is Quality.BAD


@given(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    st.sampled_from(list(Quality)),
    st.one_of(st.none(), st.integers(0, 3_000)),
)
def test_good_measurements_are_finite_and_in_range(value, quality, time_ns) -> None:
    found = measure(value, time_ns, quality)
    if isinstance(found, Measurement) and found.quality in (Quality.GOOD, Quality.UNCERTAIN):
        assert found.value is not None
        assert TAG.low <= found.value <= TAG.high
        assert WINDOW.earliest_ns <= found.time_ns < WINDOW.latest_ns
