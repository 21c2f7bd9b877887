"""What is to come is not told of a vessel of which nothing comes: live, and in a run with a hole."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clocks import StillClock

from simulators.scenario import load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.errors import NotFoundError
from twin.domain.measurement import Quarantined, Reading
from twin.domain.whatif import Change, WhatIf
from twin.ports import Delivery
from twin.service.app import Service, open_service
from twin.service.build import load_line
from twin.service.replay import arrival, read_files
from twin.service.settings import Settings
from twin.service.whatif import question_at

SEED = Path(__file__).resolve().parents[3] / "seeds/lines/demo.yaml"
HOUR = 3_600_000_000_000
SECOND = 1_000_000_000
HEARD_H = 4.0
MORE = [WhatIf("more", (Change("feed_factor", 1.5),))]
Row = Reading | Quarantined


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = SEED.read_text("utf-8")
    path = tmp_path_factory.mktemp("line") / "line.yaml"
    stores = "historian: {kind: sqlite}\nledger: {kind: sqlite}\n"
    path.write_text(text[: text.index("sources:")] + stores)
    return path


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Eight hours of R101."""
    run = tmp_path_factory.mktemp("run") / "run.parquet"
    scenario = load_scenario(packaged("demo"))
    simulate(scenario.model_copy(update={"duration_h": 8.0, "vessels": scenario.vessels[:1]}), run)
    return sorted(read_files([run, run.with_suffix(".assays.parquet")], None), key=arrival)


@dataclass
class Live:
    """A service that heard the first hours."""

    service: Service
    clock: StillClock
    rows: list[Row]

    async def hear(self, rows: list[Row]) -> None:
        for i in range(0, len(rows), 500):
            part = rows[i : i + 500]
            self.clock.time_ns = arrival(part[-1])
            await self.service.pipeline.process([Delivery(tuple(part))])

    async def wait(self, hours: float) -> None:
        """Nothing comes for so long; frames are closed by the clock, as the service does."""
        self.clock.time_ns += round(hours * HOUR)
        await self.service.pipeline.tick(self.clock.time_ns - 120 * SECOND)


@pytest.fixture
async def live(line: Path, rows: list[Row], tmp_path: Path) -> AsyncIterator[Live]:
    clock = StillClock(arrival(rows[0]))
    async with open_service(*load_line(line), Settings(data_dir=tmp_path), clock) as service:
        found = Live(service, clock, rows)
        end_ns = clock.time_ns + round(HEARD_H * HOUR)
        await found.hear([row for row in rows if arrival(row) < end_ns])
        yield found


async def test_live_it_is_said_since_when_nothing_comes_and_answered_when_values_come(live: Live) -> None:
    view = live.service.view
    assert (await view.what_if("R101", MORE)).scenarios
    heard_ns = live.clock.time_ns
    await live.wait(0.05)
    assert (await view.what_if("R101", MORE)).scenarios, "not silent yet"
    await live.wait(0.5)
    since = r"Nothing comes of R101 since 2026-01-01T03:5\d:\d\d.*Z: all its signals are silent"
    for ask in (lambda: view.what_if("R101", MORE), lambda: view.next_samples("R101")):
        with pytest.raises(NotFoundError, match=since):
            await ask()
    with pytest.raises(NotFoundError, match=since):
        view.knobs("R101")
    await live.hear([row for row in live.rows if arrival(row) > heard_ns + round(0.6 * HOUR)])
    assert (await view.what_if("R101", MORE)).base.made_ns > heard_ns + HOUR


def holed(rows: list[Row], until_h: float) -> list[Row]:
    """Nothing from the fourth hour on for some time."""
    start_ns = arrival(rows[0])
    return [r for r in rows if not 4 * HOUR <= arrival(r) - start_ns < until_h * HOUR]


def test_in_a_hole_of_a_stored_run_it_is_refused_too(line: Path, rows: list[Row]) -> None:
    with pytest.raises(NotFoundError, match="Nothing comes of R101 since"):
        question_at("R101", "4.5h", *load_line(line), holed(rows, 4.6), lambda _: None)
    assert question_at("R101", "6h", *load_line(line), holed(rows, 4.6), lambda _: None).knobs()
