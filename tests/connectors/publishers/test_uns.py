"""The unified namespace: one grammar, one schema, all back after the broker, nothing simulated in a plant."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from servers import Broker, needs

from connectors.codecs.uns import Namespace, Value, fault, plant_topics
from connectors.publishers.uns import Config, open_publisher
from twin.domain.alarm import Alarm, AlarmState, Priority
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.errors import ConfigError
from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.tag import Tag, TagKind
from twin.ports import LinkChange, PublisherContext, Update
from twin.runtime.clock import WallClock

T = 1_800_000_000_000_000_000
TAGS = (
    Tag("R101", "pH", "pH", "1", 0, 14, 0.02),
    Tag("R101", "pH_sp", "pH", "1", 0, 14, 0.02, kind=TagKind.SETPOINT),
    Tag("R101", "VCD", "cell density", "10*6/mL", 0, 99, 0.1, kind=TagKind.ASSAY),
)
LINE = Line("l", {}, "", Origin.PLANT, (Vessel("R101", {}, TAGS),))
LEVELS = ["acme", "lyon", "seed"]


def test_UNS_01_UNS_02_topics_and_payloads() -> None:
    names = Namespace(LINE, LEVELS)
    topic, value = names.measured(Measurement("R101.pH_sp", 7.0, Quality.UNCERTAIN, T, T), 3)
    assert topic == "acme/lyon/seed/r101/sp/ph"
    assert json.loads(value.model_dump_json()) == {
        "v": 7.0, "q": 64, "t": "2027-01-15T08:00:00.000Z", "u": "1", "src": "plant", "seq": 3, "sd": None,
    }  # fmt: skip
    assert names.believed(Estimate("R101.VCD", T, 5.0, 0.1, "10*6/mL"), 0)[0] == "acme/lyon/seed/r101/est/vcd"
    assert names.measured(Measurement("R101.VCD", 5.0, Quality.GOOD, T, T), 0)[0].endswith("/lab/vcd")


@given(st.text(max_size=70), st.text(max_size=70))
def test_UNS_01_whatever_things_are_called_a_topic_is_of_the_grammar_or_refused(
    asset: str, name: str
) -> None:
    line = Line(
        "l", {}, "", Origin.SIMULATED, (Vessel(asset, {}, (replace(TAGS[0], asset=asset, name=name),)),)
    )
    with contextlib.suppress(ValueError):
        names = Namespace(line, LEVELS)
        assert fault(names.measured(Measurement(f"{asset}.{name}", 1.0, Quality.GOOD, T, T), 0)[0]) is None


@given(st.floats(), st.integers(), st.text(max_size=5), st.integers())
def test_UNS_02_what_is_not_of_the_schema_is_no_payload(v: float, q: int, t: str, seq: int) -> None:
    with pytest.raises(ValidationError):
        Value(v=v, q=q, t=t, u="1", src="plant", seq=seq)


@pytest.mark.parametrize(("origin", "top"), [(Origin.SIMULATED, "sim"), (Origin.REPLAY, "replay")])
def test_UNS_04_what_is_not_of_the_plant_is_never_under_it(origin: Origin, top: str) -> None:
    names = Namespace(replace(LINE, origin=origin), LEVELS)
    rows = [names.measured(Measurement(tag.id, 1.0, Quality.GOOD, T, T), 0) for tag in TAGS]
    topics = [topic for topic, _ in rows]
    topics.append(names.believed(Estimate("R101.x", T, 1.0, 0.1, "1"), 0)[0])
    topics.append(names.standing("R101", "drift", 1, T, 0)[0])
    assert plant_topics(topics) == []
    assert all(topic.startswith(f"{top}/acme/") for topic in topics)
    assert {value.src for _, value in rows} == {top}


def test_two_tags_that_would_share_a_topic_are_refused() -> None:
    twins = (TAGS[0], replace(TAGS[0], name="PH"))
    context = PublisherContext(Line("l", {}, "", Origin.PLANT, (Vessel("R101", {}, twins),)), WallClock())
    with pytest.raises(ConfigError, match="share the topic"):
        open_publisher(Config(levels=["acme"]), context)


@pytest.mark.parametrize("levels", [["Acme"], [], ["a", "b", "c", "d"], ["sim"], ["a/b"], ["#"]])
def test_levels_that_can_not_be_are_refused(levels: list[str]) -> None:
    with pytest.raises(ValidationError):
        Config(levels=levels)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    needs("mosquitto")
    needs("mosquitto_sub")
    one = Broker(tmp_path)
    one.start()
    yield one
    one.end()


async def retained(port: int, topic: str, value: float) -> dict[str, dict[str, object]]:
    """Everything the broker keeps, as soon as `topic` has this value."""
    command = ["mosquitto_sub", "-p", str(port), "-t", "#", "-v", "-W", "1", "--retained-only"]
    for _ in range(30):
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        rows = (row.split(" ", 1) for row in done.stdout.splitlines())
        found = {name: json.loads(text) for name, text in rows}
        if found.get(topic, {}).get("v") == value:
            return found
    pytest.fail(f"{topic} is not {value}; the broker has {found}")


def alarm(state: AlarmState) -> Alarm:
    event = Event(T, Kind.DRIFT, "R101", Stage.CONFIRMED, "c")
    return Alarm("c", state, Priority.HIGH, event, T, T)


async def test_UNS_03_everything_is_retained_and_back_after_the_broker_forgot(broker: Broker) -> None:
    heard: list[LinkChange] = []
    config = Config(port=broker.port, levels=LEVELS, retry_s=0.1, retry_max_s=0.2)
    publisher = open_publisher(config, PublisherContext(LINE, WallClock(), heard.append))
    running = asyncio.create_task(publisher.run())
    rows = tuple(Measurement(tag.id, 1.5, Quality.GOOD, T, T) for tag in TAGS)
    beliefs = (Estimate("R101.pH", T, 7.0, 0.01, "1"),)
    await publisher.publish(Update(rows, beliefs, (), (alarm(AlarmState.UNACK),), T))
    first = await retained(broker.port, "acme/lyon/seed/r101/alarm/drift", 1)
    assert len(first) == 5
    await publisher.publish(
        Update((rows[0]._replace(value=2.5),), (), (), (alarm(AlarmState.NORMAL),), T + 1)
    )
    broker.end()
    broker.start()
    again = await retained(broker.port, "acme/lyon/seed/r101/alarm/drift", 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert again.keys() == first.keys()
    assert again["acme/lyon/seed/r101/pv/ph"]["v"] == 2.5
    assert again["acme/lyon/seed/r101/alarm/drift"]["v"] == 0
    assert [change.up for change in heard][:3] == [True, False, True]
    for payload in (*first.values(), *again.values()):
        Value.model_validate(payload)
