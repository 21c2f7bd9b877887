"""One suite of checks that every historian passes; a new file in connectors/historians joins by itself."""

import asyncio
import importlib
import itertools
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import connectors.historians
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.tag import Tag
from twin.ports import Historian, HistorianContext

T0 = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
TAGS = {
    f"R101.{name}": Tag("R101", name, name, unit, 0, 100, 0.1) for name, unit in [("pH", "1"), ("pO2", "%")]
}

KINDS = sorted(
    path.stem
    for path in Path(connectors.historians.__path__[0]).glob("*.py")
    if not path.stem.startswith("_")
)
Open = Callable[[], Awaitable[Historian]]


@dataclass
class StillClock:
    now: int = T0
    speed: float = 1.0

    def now_ns(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        return None


def _memory(folder: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    return {}


def _sqlite(folder: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"path": folder / "history.sqlite"}


def _influxdb(folder: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    server = request.getfixturevalue("influx")
    database = f"plant_{next(_numbers)}"
    server.query(f"CREATE DATABASE {database}")
    return {"url": server.url, "database": database, "spool": folder / "spool.sqlite"}


_numbers = itertools.count()
FIELDS: dict[str, Callable[[Path, pytest.FixtureRequest], dict[str, Any]]] = {
    "influxdb": _influxdb,
    "memory": _memory,
    "sqlite": _sqlite,
}


@pytest.fixture(params=KINDS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    module = importlib.import_module(f"connectors.historians.{request.param}")
    fields = FIELDS[request.param](tmp_path, request)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Historian]:
        historian = module.open_historian(module.Config(**fields), HistorianContext(StillClock(), TAGS))
        try:
            yield historian
        finally:
            await historian.close()

    opened.kind = request.param  # type: ignore[attr-defined]
    return opened


def measured(
    tag: str, second: float, value: float | None, quality: Quality = Quality.GOOD, **more: Any
) -> Measurement:
    t = T0 + int(second * SECOND)
    return Measurement(tag, value, quality, t, more.pop("received_ns", t + 1234), **more)


async def settled(historian: Historian) -> None:
    """Wait until nothing is on its way to a server, so that reading asks the server."""
    for _ in range(1000):
        if not await historian.pending():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{await historian.pending()} rows still wait")


async def test_what_is_written_is_read_back_unchanged(opener: Callable[..., Any]) -> None:
    rows = [
        measured("R101.pH", 0, 7.01, source="opcua"),
        measured("R101.pO2", 0, 1e308, Quality.UNCERTAIN, late=True, source="mqtt é"),
        measured("R101.pH", 1, None, Quality.BAD),
        measured("R101.pO2", 2, -5e-324, Quality.GOOD, received_ns=T0 - 5),
        measured("R101.pO2", 3, None, Quality.STALE),
        measured("R102.unheard-of", 3, 0.1 + 0.2),
    ]
    async with opener() as historian:
        report = await historian.write(rows)
        assert (report.stored, report.duplicate, report.refused) == (6, 0, ())
        await settled(historian)
        back = await historian.read(["R101.pH", "R101.pO2", "R102.unheard-of"], T0, T0 + 10 * SECOND)
    assert back == sorted(rows, key=lambda row: (row.time_ns, row.tag))


async def test_reading_is_half_open_ordered_and_limited(opener: Callable[..., Any]) -> None:
    rows = [measured(tag, n, float(n)) for tag in ("R101.pO2", "R101.pH") for n in (3, 1, 2, 0)]
    async with opener() as historian:
        await historian.write(rows)
        await settled(historian)
        back = await historian.read(["R101.pO2", "R101.pH"], T0 + SECOND, T0 + 3 * SECOND)
        assert [(row.time_ns - T0, row.tag) for row in back] == [
            (SECOND, "R101.pH"), (SECOND, "R101.pO2"), (2 * SECOND, "R101.pH"), (2 * SECOND, "R101.pO2"),
        ]  # fmt: skip
        assert await historian.read(["R101.pO2", "R101.pH"], T0 + SECOND, T0 + 3 * SECOND, 3) == back[:3]
        assert await historian.read([], T0, T0 + SECOND) == []
        assert await historian.read(["R101.nothing"], T0, T0 + SECOND) == []


async def test_D_01_a_repetition_is_counted_and_a_contradiction_refused(opener: Callable[..., Any]) -> None:
    first, other = measured("R101.pH", 0, 7.0), measured("R101.pH", 0, 7.1)
    gap = measured("R101.pH", 1, None, Quality.BAD)
    async with opener() as historian:
        await historian.write([first, gap])
        again = await historian.write(
            [first, measured("R101.pH", 2, 7.2), gap, other, measured("R101.pH", 1, 7.0)]
        )
        assert (again.stored, again.duplicate) == (1, 2)
        await settled(historian)
        assert again.refused == ((other, "conflict"), (measured("R101.pH", 1, 7.0), "conflict"))
        assert [row.value for row in await historian.read(["R101.pH"], T0, T0 + 5 * SECOND)] == [
            7.0,
            None,
            7.2,
        ]


async def test_repetitions_within_one_write(opener: Callable[..., Any]) -> None:
    row, other = measured("R101.pH", 0, 7.0), measured("R101.pH", 0, 6.0)
    async with opener() as historian:
        report = await historian.write([row, row, other, row])
        assert (report.stored, report.duplicate, report.refused) == (1, 2, ((other, "conflict"),))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_D_04_what_is_not_a_number_is_refused(opener: Callable[..., Any], value: float) -> None:
    async with opener() as historian:
        report = await historian.write([measured("R101.pH", 0, value), measured("R101.pH", 1, 7.0)])
        assert report.stored == 1
        assert [reason for _, reason in report.refused] == ["not finite"]
        assert len(await historian.read(["R101.pH"], T0, T0 + 5 * SECOND)) == 1


async def test_the_newest_of_each_tag(opener: Callable[..., Any]) -> None:
    async with opener() as historian:
        await historian.write([measured("R101.pH", 5, 7.5), measured("R101.pO2", 1, None, Quality.BAD)])
        await historian.write([measured("R101.pH", 2, 7.2, late=True)])
        newest = await historian.last(["R101.pH", "R101.pO2", "R101.never"])
    assert {tag: (row.time_ns - T0, row.value) for tag, row in newest.items()} == {
        "R101.pH": (5 * SECOND, 7.5),
        "R101.pO2": (SECOND, None),
    }


async def test_an_empty_write_is_nothing(opener: Callable[..., Any]) -> None:
    async with opener() as historian:
        report = await historian.write([])
        await historian.write_estimates([])
        assert (report.stored, report.duplicate, report.refused) == (0, 0, ())


async def test_a_short_trend_is_the_series_itself(opener: Callable[..., Any]) -> None:
    rows = [
        measured("R101.pH", n, None if n == 2 else 7.0 + n, Quality.BAD if n == 2 else Quality.GOOD)
        for n in range(6)
    ]
    async with opener() as historian:
        await historian.write(rows)
        await settled(historian)
        trend = await historian.trend("R101.pH", T0, T0 + 5 * SECOND, 100)
        assert await historian.trend("R101.pO2", T0, T0 + 5 * SECOND, 100) == type(trend)()
    assert trend.times_ns == tuple(row.time_ns for row in rows[:5])
    assert trend.values == (7.0, 8.0, None, 10.0, 11.0)
    assert trend.qualities == (192, 192, 0, 192, 192)


async def test_a_long_trend_keeps_extremes_order_gaps_and_quality(opener: Callable[..., Any]) -> None:
    values: list[float | None] = [math.sin(n / 40) for n in range(4000)]
    values[1234], values[2345], values[3000:3040] = 9.0, -9.0, [None] * 40
    rows = [
        measured(
            "R101.pH", n, v, Quality.BAD if v is None else Quality.UNCERTAIN if v == 9.0 else Quality.GOOD
        )
        for n, v in enumerate(values)
    ]
    async with opener() as historian:
        await historian.write(rows)
        await settled(historian)
        trend = await historian.trend("R101.pH", T0, T0 + 4000 * SECOND, 100)
    kept = list(zip(trend.times_ns, trend.values, trend.qualities, strict=True))
    by_time = {row.time_ns: (row.value, int(row.quality)) for row in rows}
    assert 100 <= len(kept) <= 200
    assert list(trend.times_ns) == sorted(set(trend.times_ns))
    assert all(by_time[t] == (v, q) for t, v, q in kept)
    assert (T0 + 1234 * SECOND, 9.0, 64) in kept
    assert (T0 + 2345 * SECOND, -9.0, 192) in kept
    assert any(v is None and 3000 <= (t - T0) / SECOND < 3040 for t, v, _ in kept)
    assert all(max(b - a, 0) < 100 * SECOND for a, b in zip(trend.times_ns, trend.times_ns[1:], strict=False))


async def test_beliefs_replace_earlier_ones_and_stay_apart_from_what_was_measured(
    opener: Callable[..., Any],
) -> None:
    def belief(second: int, mean: float) -> Estimate:
        return Estimate("R101.pH", T0 + second * SECOND, mean, mean / 4, "1")

    async with opener() as historian:
        await historian.write([measured("R101.pH", 0, 6.5)])
        await historian.write_estimates([belief(0, 7.0), belief(1, 7.1), belief(0, 7.5)])
        await historian.write_estimates([belief(1, 7.2), belief(2, 7.3)])
        await settled(historian)
        mean, sd = await historian.trend_estimates("R101.pH", T0, T0 + 2 * SECOND, 10)
        assert (mean.times_ns, mean.values) == ((T0, T0 + SECOND), (7.5, 7.2))
        assert (sd.times_ns, sd.values) == (mean.times_ns, (7.5 / 4, 7.2 / 4))
        assert (await historian.trend("R101.pH", T0, T0 + SECOND, 10)).values == (6.5,)
        await historian.write_estimates([belief(n, math.cos(n)) for n in range(3, 600)])
        mean, sd = await historian.trend_estimates("R101.pH", T0, T0 + 600 * SECOND, 50)
    assert 50 <= len(mean.times_ns) <= 100
    assert sd.times_ns == mean.times_ns
    assert max(mean.values) == 7.5  # type: ignore[type-var]


async def test_everything_is_there_after_opening_again(opener: Callable[..., Any]) -> None:
    if opener.kind == "memory":  # type: ignore[attr-defined]
        pytest.skip("keeps nothing by purpose")
    rows = [measured("R101.pH", n, 7.0 + n) for n in range(5)]
    async with opener() as historian:
        await historian.write(rows)
    async with opener() as historian:
        assert await historian.read(["R101.pH"], T0, T0 + 5 * SECOND) == rows
        assert (await historian.last(["R101.pH"]))["R101.pH"] == rows[-1]
        again = await historian.write([*rows, measured("R101.pH", 4, 0.0), measured("R101.pH", 9, 1.0)])
        assert (again.stored, again.duplicate, len(again.refused)) == (1, 5, 1)


keys = st.tuples(st.sampled_from(["R101.pH", "R101.pO2"]), st.integers(0, 5))
values = st.one_of(st.none(), st.sampled_from([0.0, 1.5, -2.0]))


@settings(max_examples=40, deadline=None)
@given(batches=st.lists(st.lists(st.tuples(keys, values), max_size=8), max_size=4))
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_the_first_value_of_a_key_stays_and_the_counts_add_up(
    kind: str,
    batches: list[list[tuple[tuple[str, int], float | None]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    module = importlib.import_module(f"connectors.historians.{kind}")
    fields = {} if kind == "memory" else {"path": tmp_path_factory.mktemp("h") / "h.sqlite"}
    historian = module.open_historian(module.Config(**fields), HistorianContext(StillClock(), TAGS))
    kept: dict[tuple[str, int], float | None] = {}
    try:
        for batch in batches:
            rows = [measured(tag, second, value) for (tag, second), value in batch]
            report = await historian.write(rows)
            assert report.stored + report.duplicate + len(report.refused) == len(rows)
            for key, value in batch:
                kept.setdefault(key, value)
        back = await historian.read(["R101.pH", "R101.pO2"], T0, T0 + 10 * SECOND)
        assert {(row.tag, (row.time_ns - T0) // SECOND): row.value for row in back} == kept
    finally:
        await historian.close()
