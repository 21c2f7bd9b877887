"""Hub: newest value of each name for a slow viewer, every event for everybody."""

import asyncio

from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Measurement, Quality
from twin.runtime.clock import WallClock
from twin.runtime.hub import Hub


def m(value: float, t: int, tag: str = "R1.pH") -> Measurement:
    return Measurement(tag, value, Quality.GOOD, t, t)


def event(n: int) -> tuple[int, Event]:
    return n, Event(t=n, kind=Kind.PHASE, asset="R1", stage=Stage.CONFIRMED, condition=f"c{n}")


async def test_a_slow_viewer_gets_the_newest_values_and_all_events() -> None:
    hub = Hub(WallClock(), pause_s=0.0)
    viewer = hub.follow()
    first = asyncio.ensure_future(anext(viewer))
    await asyncio.sleep(0.01)
    for i in range(50):
        hub.publish(measurements=[m(7.0 + i, i)], events=[event(i)])
    update = await asyncio.wait_for(first, 1)
    assert [x.value for x in update.measurements] == [56.0]
    assert [n for n, _ in update.events] == list(range(50))
    await viewer.aclose()


async def test_an_older_value_never_replaces_a_newer_one() -> None:
    hub = Hub(WallClock())
    hub.publish(measurements=[m(7.0, 10), m(6.0, 5)])
    assert [x.value for x in hub.latest().measurements] == [7.0]
    assert hub.newest_time_ns("R1.pH") == 10


async def test_a_viewer_that_left_is_forgotten() -> None:
    hub = Hub(WallClock(), pause_s=0.0)
    viewer = hub.follow()
    first = asyncio.ensure_future(anext(viewer))
    await asyncio.sleep(0.01)
    hub.publish(measurements=[m(7.0, 1)])
    await first
    await viewer.aclose()
    assert hub._mail == {}
