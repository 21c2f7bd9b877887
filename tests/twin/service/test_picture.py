"""The picture of a notice: drawn from what is stored, told in words, made while the loop goes on."""

import asyncio
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from test_check import GOOD

from connectors.historians.sqlite import Config, open_historian
from twin.alarms.routing import worded
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.event import Cause, Event, Kind, Stage, Verdict
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.subscription import Subscription
from twin.domain.tag import Limits, Tag
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.picture import open_illustrator
from twin.service.settings import Settings

HOUR = 3600 * 10**9
T0 = 1_795_305_600 * 10**9
NOW = T0 + 12 * HOUR
TAG = Tag("R101", "pCO2", "pCO2", "mm[Hg]", 0.0, 400.0, 1.0, limits=Limits(None, 40.0, 110.0, None))
OTHER = replace(TAG, name="pO2", quantity="pO2", unit="%")
LINE = Line("l", {}, "", Origin.SIMULATED, (Vessel("R101", {}, (TAG, OTHER)),))


@dataclass
class Clock:
    speed: float = 1.0

    def now_ns(self) -> int:
        return NOW

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def notice(language: str = "en", **changes: object) -> Notice:
    event = Event(
        NOW - HOUR, Kind.DRIFT, "R101", Stage.CONFIRMED, "R101.pCO2/drift/1", tag=TAG.id, since=NOW - 4 * HOUR
    )
    event = replace(event, **changes)  # type: ignore[arg-type]
    alarm = Alarm("a", AlarmState.UNACK, Priority.HIGH, event, event.t, event.t)
    return worded(alarm, Subscription("anna", language))


@pytest.fixture
async def historian(tmp_path: Path):
    opened = open_historian(Config(path=tmp_path / "h.sqlite"))
    rows = [
        60.0 if t < 8 * HOUR else 60.0 + 5.0 * (t / HOUR - 8) for t in range(0, 12 * HOUR + 1, HOUR // 12)
    ]
    times = range(T0, NOW + 1, HOUR // 12)
    await opened.write([Measurement(TAG.id, v, Quality.GOOD, t, t) for v, t in zip(rows, times, strict=True)])
    await opened.write_estimates([Estimate(TAG.id, t, 60.5, 1.5, TAG.unit) for t in times])
    yield opened
    await opened.close()


def pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and the raw rows of a PNG of 8 bits a channel."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth = struct.unpack(">IIB", png[16:25])
    assert depth == 8
    data, at = b"", 8
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + size] if name == b"IDAT" else b""
        at += 12 + size
    return width, height, zlib.decompress(data)


async def test_the_picture_shows_the_course_and_says_it_in_words(historian) -> None:
    illustrate = open_illustrator(LINE, historian, Clock())
    assert illustrate
    picture = await illustrate(notice())
    assert picture
    width, height, _ = pixels(picture.png)
    assert 900 < width < 1100
    assert 200 < height < 300
    assert picture.text == (
        "R101.pCO2 from 2026-11-22 03:00 to 2026-11-22 12:00 UTC. Measured: 60 mmHg first, 80 mmHg last. "
        "The twin holds 60.5 ± 2.94 to be true. Limits: 40 mmHg / 110 mmHg."
    )
    french = await illustrate(notice("fr"))
    assert french
    assert "Le jumeau tient 60,5 ± 2,94 pour vrai." in french.text
    assert french.legend.startswith("Bleu")


async def test_the_line_of_the_onset_moves_with_it(historian) -> None:
    illustrate = open_illustrator(LINE, historian, Clock())
    assert illustrate
    first, second, again = [await illustrate(notice(since=NOW - h * HOUR)) for h in (4, 5, 4)]
    assert first
    assert second
    assert first == again
    assert pixels(first.png) != pixels(second.png)


async def test_what_names_no_tag_is_drawn_by_its_cause_or_not_at_all(historian) -> None:
    illustrate = open_illustrator(LINE, historian, Clock())
    assert illustrate
    cause = Cause("ph_drift", Verdict.SENSOR, "R101", TAG.id, 0.9)
    assert await illustrate(notice(tag=None, causes=(cause,)))
    assert await illustrate(notice(tag=None)) is None
    assert await illustrate(notice(tag=OTHER.id)) is None, "nothing is stored of it"


async def test_the_loop_goes_on_while_a_picture_is_made(historian) -> None:
    illustrate = open_illustrator(LINE, historian, Clock())
    assert illustrate
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(turn())
    await illustrate(notice())
    beside.cancel()
    assert turns > 20


async def test_without_typst_there_are_no_pictures(historian, monkeypatch) -> None:
    monkeypatch.setattr("twin.service.picture.find_spec", lambda _: None)
    assert open_illustrator(LINE, historian, Clock()) is None


async def test_in_the_service_the_routes_that_show_pictures_get_them(tmp_path: Path) -> None:
    channels = [
        {"id": "mail", "notifier": {"kind": "smtp", "host": "127.0.0.1", "sender": "a@b.org"}},
        {"id": "web", "notifier": {"kind": "webhook"}},
    ]
    file = tmp_path / "line.yaml"
    file.write_text(yaml.safe_dump({**GOOD, "channels": channels}), encoding="utf-8")
    async with open_service(*load_line(file), Settings(data_dir=tmp_path)) as service:
        made = service.deliverer.pictures
        assert made._routes == frozenset({"mail"})
        assert made._illustrate is not None
