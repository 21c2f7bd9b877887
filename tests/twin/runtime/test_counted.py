"""Values are counted where they are stored; of very many only the newest."""

from connectors.historians.memory import Config, open_historian
from twin.domain.measurement import Measurement, Quality
from twin.domain.tag import Tag
from twin.runtime.spread import counted

SECOND = 1_000_000_000
TAG = Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02, 1.0, silence_s=10.0)


async def test_of_too_many_values_the_newest_are_counted_and_the_time_says_so() -> None:
    history = open_historian(Config())
    times = [i * SECOND for i in range(1000)]
    await history.write([Measurement(TAG.id, float(t // SECOND), Quality.GOOD, t, t) for t in times])
    whole = await counted(history, TAG, 0, 1000 * SECOND)
    assert (whole.count, whole.start_ns) == (1000, 0)
    newest = await counted(history, TAG, 0, 1000 * SECOND, most=300)
    assert 100 <= newest.count <= 300
    assert newest.end_ns == 1000 * SECOND
    assert newest.start_ns == (1000 - newest.count) * SECOND - 1 or newest.start_ns > 600 * SECOND
    assert newest.figures["most"] == 999.0
    assert newest.figures["least"] == 1000.0 - newest.count


async def test_the_value_before_the_start_tells_the_quality_at_the_start() -> None:
    history = open_historian(Config())
    await history.write([Measurement(TAG.id, 7.0, Quality.UNCERTAIN, 95 * SECOND, 95 * SECOND)])
    found = await counted(history, TAG, 100 * SECOND, 110 * SECOND)
    assert found.count == 0
    assert found.seconds[Quality.UNCERTAIN] == 5.0
    assert found.seconds[Quality.STALE] == 5.0
