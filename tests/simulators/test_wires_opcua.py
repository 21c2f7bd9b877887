"""The simulated server's memory: bounded, in order, and read page by page without loss."""

import asyncio
import copy

from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.wires_opcua import MemoryHistory, _data_value, _microseconds

NODE = ua.NodeId("R101.pH", 2)
TIMES = st.lists(st.integers(0, 10**9), max_size=60)


def filled(times: list[int], length: int = 1000, page: int = 7) -> MemoryHistory:
    history = MemoryHistory(length, page)
    for time_us in times:
        history.ring(NODE).add(time_us, float(time_us), 0)
    return history


async def read(history: MemoryHistory, start_us: int, end_us: int) -> list[int]:
    """All pages, as a client follows continuation points."""
    start, end = _data_value(start_us, 0.0, 0).SourceTimestamp, _data_value(end_us, 0.0, 0).SourceTimestamp
    found: list[int] = []
    while start is not None:
        values, start = await history.read_node_history(NODE, start, end, 0)
        found += [_microseconds(value.SourceTimestamp, -1) for value in values]
    return found


@settings(max_examples=50)
@given(
    st.lists(st.integers(0, 10**9), unique=True, max_size=60), st.integers(0, 10**9), st.integers(0, 10**9)
)
def test_UA_08_every_value_between_two_times_is_given_once_in_order(
    times: list[int], one: int, two: int
) -> None:
    start, end = min(one, two), max(one, two)
    got = asyncio.run(read(filled(times), start, end))
    assert got == sorted(time for time in times if start <= time < end)


@settings(max_examples=50)
@given(TIMES, st.integers(1, 20))
def test_the_memory_is_bounded_and_keeps_the_newest(times: list[int], length: int) -> None:
    ring = filled(times, length).ring(NODE)
    assert len(ring.times) <= length + length // 8
    if len(times) <= length:
        assert list(ring.times) == sorted(times)
    if times:
        assert ring.times[-1] == max(times[-1], max(ring.times))


def test_a_value_is_not_copied_for_each_subscriber() -> None:
    value = _data_value(5, 1.5, 0)
    assert copy.deepcopy(value) is value


def test_bad_values_carry_no_number() -> None:
    bad = _data_value(5, 1.5, int(ua.StatusCodes.BadSensorFailure))
    assert bad.Value.Value is None
    assert bad.SourceTimestamp is not None
