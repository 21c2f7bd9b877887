"""What the service knows of itself: clocks of sources, and a sum that must close."""

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from twin.domain.measurement import Quality, Reading
from twin.ports import Counters, Delivery, LinkChange
from twin.runtime.accounting import SOURCE, Accounting
from twin.runtime.health import Health
from twin.runtime.skew import WINDOW_NS, Skew

S = 1_000_000_000
NOW = 1_800_000_000 * S


@given(st.floats(-90, 90), st.lists(st.floats(0.0, 5.0), min_size=20, max_size=60))
def test_D_03_the_skew_is_found_from_the_quickest_value(offset_s: float, ways_s: list[float]) -> None:
    skew = Skew()
    for i, way_s in enumerate([*ways_s, 0.05]):
        received = NOW + 5 * i * S
        skew.add(received - int((offset_s + way_s) * S), received)
    assert skew.seconds is not None
    assert -0.001 <= skew.seconds - offset_s <= 0.1


def test_a_clock_that_was_set_is_found_within_two_windows() -> None:
    skew = Skew()
    for minute in range(60):
        received = NOW + minute * 60 * S
        skew.add(received - (30 * S if minute < 30 else 2 * S), received)
    assert skew.seconds == 2.0
    later = NOW + 10 * WINDOW_NS
    skew.add(later - 7 * S, later)
    assert skew.seconds == 7.0


@pytest.mark.parametrize(
    "lots",
    [
        pytest.param([(0, range(20_000, 12_000, -60))], id="one request"),
        pytest.param([(90, range(20_000, 16_000, -60)), (0, range(16_000, 12_000, -60))], id="newest first"),
        pytest.param([(0, [12_000]), (40, [12_040]), (95, [12_095])], id="the same again"),
        pytest.param([(5 * i, [20_000 - 200 * i]) for i in range(40)], id="slowly, quicker than measured"),
        pytest.param([(0, [14_400]), (86_400, [14_405])], id="results of two days"),
    ],
)
def test_a_backlog_says_nothing_of_the_clock(lots) -> None:
    skew = Skew()
    for at_s, delays_s in lots:
        for delay_s in delays_s:
            received = NOW + at_s * S
            skew.add(received - delay_s * S, received)
            assert skew.seconds is None
    for i in range(3):
        later = NOW + (90_000 + i) * S
        skew.add(later - S // 10, later)
    assert skew.seconds == 0.1


def test_a_clock_that_is_hours_behind_is_found_within_a_minute() -> None:
    skew = Skew()
    for at_s in range(0, 60, 10):
        received = NOW + at_s * S
        skew.add(received - 7_200 * S - S // 2, received)
    assert skew.seconds == 7_200.5


def test_UA_09_links_carry_the_skew_and_history_says_nothing_of_it() -> None:
    health = Health()
    health.link(LinkChange("ua", True, "connected", NOW))
    old = Reading("ua", "R1.pH", 7.0, Quality.GOOD, NOW - 3600 * S, NOW, replayed=True)
    health.arrived(Delivery((old,)))
    health.compare(old)
    assert health.links()[0].skew_s is None
    ahead = old._replace(time_ns=NOW + 90 * S, replayed=False)
    health.arrived(Delivery((ahead,)))
    health.compare(ahead)
    (link,) = health.links()
    assert (link.skew_s, link.received) == (-90.0, 2)
    assert health.counters(0).received == 2


def test_a_sum_that_does_not_close_is_told_once_and_taken_back() -> None:
    watch = Accounting()
    good, bad = Counters(received=3, stored=3), Counters(received=3, stored=1, quarantined={"conflict": 1})
    assert watch.look(good, 1) is None
    assert watch.look(bad, 2) is None
    told = watch.look(bad, 3)
    assert told is not None
    assert (told.source, told.up) == (SOURCE, False)
    assert "received 3, but stored 1 + duplicate 0 + refused 1 + pending 0 = 2" in told.text
    assert watch.look(bad, 4) is None
    back = watch.look(good, 5)
    assert back is not None
    assert back.up


def test_a_link_that_goes_and_comes_is_a_line_each_in_the_log() -> None:
    health = Health()
    with structlog.testing.capture_logs() as told:
        for up, text in [
            (True, "connected"),
            (None, "a gap"),
            (False, "lost"),
            (False, "lost"),
            (False, "refused"),
            (True, "back"),
        ]:
            health.link(LinkChange("mq", up, text, NOW))
    assert [(row["event"], row["text"], row["log_level"]) for row in told] == [
        ("link up", "connected", "info"),
        ("link down", "lost", "info"),
        ("link still down", "refused", "info"),
        ("link up", "back", "info"),
    ]
