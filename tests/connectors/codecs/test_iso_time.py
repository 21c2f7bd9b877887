"""Times: text to nanoseconds and back without losing one."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.codecs.iso_time import LATEST_NS, datetime_ns, format_ns, ns_datetime, parse_ns

TIMES = st.integers(-9_000_000_000 * 10**9, 9_000_000_000 * 10**9)


@given(TIMES)
def test_text_and_back_is_the_same_time(time_ns: int) -> None:
    assert parse_ns(format_ns(time_ns)) == time_ns


@given(TIMES)
def test_a_datetime_keeps_whole_microseconds(time_ns: int) -> None:
    assert datetime_ns(ns_datetime(time_ns)) == time_ns // 1000 * 1000


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_offsets_from_utc_are_taken_off(naive: datetime, minutes: int) -> None:
    aware = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_ns(aware.isoformat(timespec="microseconds")) == datetime_ns(aware)


def test_more_digits_than_nanoseconds_are_cut() -> None:
    assert parse_ns("1970-01-01T00:00:00.1234567899Z") == 123_456_789


@pytest.mark.parametrize("text", ["1970-01-01T00:01Z", "1970-01-01 01:01+01:00", "1970-01-01T00:01:00Z"])
def test_seconds_may_be_left_out(text: str) -> None:
    assert parse_ns(text) == 60 * 10**9


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-11-22", "2026-11-22T00:00:00", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
        "2026-11-22T00:00:60Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "now",
        "2026-11-22T00:00:00+99:00", "２０２６-11-22T00:00:00Z", "1700000000",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_ns(text)


@given(st.text(max_size=40))
def test_any_text_is_a_storable_time_or_a_value_error(text: str) -> None:
    try:
        assert abs(parse_ns(text)) <= LATEST_NS
    except ValueError:
        return


def test_a_datetime_without_zone_is_utc() -> None:
    assert datetime_ns(datetime(2026, 1, 1)) == datetime_ns(datetime(2026, 1, 1, tzinfo=UTC))  # noqa: DTZ001
