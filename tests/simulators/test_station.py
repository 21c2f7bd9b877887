"""The station: what the plant says arrives by the wires its scenario names, and nothing else does."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.sources import mqtt, opcua, sparkplug
from simulators.broker import open_broker
from simulators.laboratory import AssayResult
from simulators.plant import Plant, PlantBatch
from simulators.probes import TAGS
from simulators.scenario import Scenario
from simulators.station import PROBES, Station, _security, main, routes, run_station, wire_tags
from simulators.wires import Row, free_port
from simulators.wires_mqtt import SparkplugEdge
from simulators.wires_opcua_security import Security
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quarantined, Reading
from twin.domain.quantity import UNECE
from twin.domain.tag import Tag
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import Source, SourceContext
from twin.runtime.clock import ScaledClock

MISMATCH = 0x80740000
"""Bad_TypeMismatch"""
ORIGIN = 1_795_305_600_000_000_000


def scenario(**wires: str) -> Scenario:
    vessels = [{"id": "R101", "wires": {}}, {"id": "R102", "wires": wires}]
    return Scenario.model_validate(
        {"schema": 1, "id": "s", "title": {"en": "s"}, "duration_h": 1, "speed": 120, "vessels": vessels}
    )


class CountingPlant:
    """Every tag says its running number each 10 s; nothing of a culture in it."""

    def __init__(self) -> None:
        self.now_s = -1.0
        self.said = 0
        self.tags = tuple(f"{vessel}.{name}" for vessel in ("R101", "R102") for name in TAGS)

    def advance(self, to_s: float) -> PlantBatch:
        steps = np.arange(np.floor(self.now_s / 10) + 1, np.floor(to_s / 10) + 1)
        self.now_s = to_s
        self.said = int(steps[-1]) + 1 if len(steps) else self.said
        count = len(self.tags)
        value = np.repeat(steps, count)
        return PlantBatch(
            tags=self.tags,
            time_s=np.repeat(steps * 10.0, count),
            tag_index=np.tile(np.arange(count, dtype=np.int32), len(steps)),
            value=np.where(value == 3, np.nan, value),
            quality=np.where(value == 3, 0, 192).astype(np.int16),
            assays=tuple(AssayResult("R102.VCD", n, n * 10.0, n * 10.0) for n in steps),
        )


async def drain(source: Source, into: list[Reading | Quarantined]) -> None:
    async with contextlib.aclosing(source.deliveries()) as deliveries:  # type: ignore[type-var]
        async for delivery in deliveries:
            into += [*delivery.readings, *delivery.refused]
            delivery.ack()


async def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.05)


async def test_every_value_arrives_by_its_own_wire_and_nothing_else_does() -> None:
    plan = scenario(probes="mqtt", skid="sparkplug", lab="mqtt")
    tags = {
        tag.id: Tag(tag.vessel, tag.name, "count", tag.unit, tag.low, tag.high, 1.0)
        for vessel in plan.vessels
        for tag in wire_tags(vessel)
    }
    opcua_port = free_port()
    plant: Any = CountingPlant()
    got: dict[str, list[Any]] = {"ua": [], "json": [], "spb": []}
    with open_broker() as broker:
        clock = ScaledClock(ORIGIN, 120.0, time.time_ns() + 3 * 10**9)
        context = SourceContext(tags, clock, lambda _: None)
        sources: dict[str, Any] = {
            "ua": opcua.open_source(
                opcua.Config(id="ua", url=f"opc.tcp://127.0.0.1:{opcua_port}", vessels=["R101"], retry_s=0.2),
                context,
            ),
            "json": mqtt.open_source(mqtt.Config(id="json", port=broker.port), context),
            "spb": sparkplug.open_source(sparkplug.Config(id="spb", port=broker.port, host_id="h"), context),
        }
        tasks = [asyncio.create_task(drain(source, got[name])) for name, source in sources.items()]
        await asyncio.sleep(0.5)
        running = run_station(plant, plan, clock, opcua_port, broker.port, origin_ns=ORIGIN, primary_host="h")
        tasks.append(asyncio.create_task(running))
        await until(lambda: plant.said >= 20 or tasks[-1].done())
        await until(lambda: all(newest(rows) >= 19 for rows in got.values()))
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended
    expected = routes(plan)
    for name, wire in (("ua", "opcua"), ("json", "mqtt"), ("spb", "sparkplug")):
        on_wire = {tag for tag, way in expected.items() if way == wire} | (
            {"R102.VCD"} if name == "json" else set()
        )
        assert {row.address for row in got[name]} == on_wire
        assert not [row for row in got[name] if isinstance(row, Quarantined)]
        for tag in on_wire:
            rows = [
                (r.time_ns - ORIGIN, r.value) for r in got[name] if r.address == tag and r.time_ns >= ORIGIN
            ]
            steps = {time_ns // 10**10: value for time_ns, value in rows if time_ns % 10**10 == 0}
            assert [steps[n] for n in range(20)] == [
                None if n == 3 and tag != "R102.VCD" else n for n in range(20)
            ], tag


async def test_what_is_no_number_comes_as_text_by_every_wire() -> None:
    plan = scenario(probes="mqtt", skid="sparkplug")
    faults = [
        {"kind": "wrong_type", "tag": "pH", "at_h": 0.01},
        {"kind": "heading_rows", "tag": "stirrer", "at_h": 0.01, "size": 30.0},
    ]
    plan = Scenario.model_validate(
        plan.model_dump(by_alias=True, exclude={"vessels"})
        | {
            "period_s": 10,
            "vessels": [{"id": v.id, "wires": v.wires, "faults": faults} for v in plan.vessels],
        }
    )
    tags = {
        tag.id: Tag(tag.vessel, tag.name, "count", tag.unit, tag.low, tag.high, 1.0)
        for vessel in plan.vessels
        for tag in wire_tags(vessel)
    }
    port, plant = free_port(), Plant(plan, keep_truth=False)
    got: list[Any] = []
    with open_broker() as broker:
        context = SourceContext(tags, ScaledClock(ORIGIN, 1.0, time.time_ns()), lambda _: None)
        url = f"opc.tcp://127.0.0.1:{port}"
        sources: list[Any] = [
            opcua.open_source(opcua.Config(id="ua", url=url, vessels=["R101"], retry_s=0.2), context),
            mqtt.open_source(mqtt.Config(id="json", port=broker.port), context),
            sparkplug.open_source(sparkplug.Config(id="spb", port=broker.port, host_id="h"), context),
        ]
        station = Station(plan, port, broker.port, primary_host="h")
        async with station.opened():
            tasks = [asyncio.create_task(drain(source, got)) for source in sources]
            edge: Any = station._wires["sparkplug"]
            await until(lambda: edge.born and any(row.address == "R101.pCO2" for row in got))
            said = plant.advance(120.0)
            await station.publish(said, ORIGIN)
            expected = {(said.tags[said.tag_index[at]], text) for at, text in said.words.items()}
            assert {tag for tag, _ in expected} == {
                f"{v}.{n}" for v in ("R101", "R102") for n in ("pH", "stirrer")
            }
            by_text = {(tag, text) for tag, text in expected if tag.startswith("R102.")}
            by_status = {("R101.pH", MISMATCH), ("R101.stirrer", MISMATCH)}

            def told() -> bool:
                rows = list(map(reading, got))
                texts = {(row.address, row.value) for row in rows}
                return by_text <= texts and by_status <= {(row.address, row.status) for row in rows}

            await until(told)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    book, window = TagBook(tags.values()), TimeWindow(0, 2 * ORIGIN)
    words = [row for row in got if isinstance(row, Reading) and isinstance(row.value, str)]
    assert words
    refused = [book.measure(row, window) for row in words]
    assert {row.reason for row in refused if isinstance(row, Quarantined)} == {"not_a_number"}
    assert all(isinstance(row, Quarantined) for row in refused)


def reading(row: Reading | Quarantined) -> Reading:
    return row.reading if isinstance(row, Quarantined) else row


def newest(rows: list[Any]) -> float:
    return max((float(r.value) for r in rows if isinstance(r, Reading) and r.value is not None), default=-1.0)


def test_the_default_wire_is_opcua_and_heads_are_apart_from_skids() -> None:
    found = routes(scenario(probes="mqtt"))
    assert {found[f"R102.{name}"] for name in PROBES} == {"mqtt"}
    assert {wire for tag, wire in found.items() if tag.startswith("R101.")} == {"opcua"}
    assert found["R102.stirrer"] == "opcua"


@pytest.mark.parametrize("wires", [{"probes": "modbus"}, {"lab": "opcua"}, {"valves": "opcua"}])
def test_a_wire_that_does_not_exist_is_named(wires: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="R102"):
        routes(scenario(**wires))


def test_every_unit_on_the_wire_has_a_code() -> None:
    assert {tag.unit for tag in wire_tags(scenario().vessels[0])} <= set(UNECE)


def test_accounts_of_the_opcua_server_come_from_a_file(tmp_path: Path) -> None:
    users, certificate, key = (tmp_path / name for name in ("users.json", "c.der", "k.pem"))
    users.write_text(
        '{"ann": {"password": "a", "operator": true}, "bob": {"password": "b"},'
        ' "cy": {"certificate": "cy.der"}}'
    )
    security = _security(certificate, key, users, tmp_path)
    accounts = (("ann", "a"), ("bob", "b")), ("ann",), (("cy", tmp_path / "cy.der"),)
    assert security == Security(certificate, key, *accounts, tmp_path)
    assert _security(None, None, None, None) is None
    for some in ((None, key, None, None), (None, None, None, tmp_path)):
        with pytest.raises(ConfigError, match="both"):
            _security(*some)
    both = '{"ann": {"password": "a", "certificate": "b"}}'
    for wrong in ("[]", '{"ann": "a"}', '{"ann": {"operator": true}}', both, "{"):
        users.write_text(wrong)
        with pytest.raises(ConfigError, match="would do"):
            _security(certificate, key, users, None)


def test_a_scenario_that_can_not_run_ends_the_program_with_its_fault_and_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = {"kind": "wrong_type", "tag": "pH", "at_h": 5.0}
    raw = scenario().model_dump(mode="json", exclude_unset=True, by_alias=True)
    raw["vessels"] = [{"id": "R101", "wires": {}, "faults": [fault]}]
    (tmp_path / "bad.json").write_text(json.dumps(raw))
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "bad.json"), "--opcua-port", "1", "--mqtt-port", "1"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{tmp_path / 'bad.json'}:")
    assert "wrong_type begins at 5 h and the run ends after 1 h" in told
    assert "Traceback" not in told


async def test_births_that_wait_for_a_host_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    tags = wire_tags(scenario().vessels[0])[:1]
    row = Row(tags[0].id, ORIGIN, 7.0)
    with open_broker() as broker:
        async with SparkplugEdge("127.0.0.1", broker.port, tags, primary_host="nobody") as edge:
            for _ in range(200):
                await edge.publish([row])
                await asyncio.sleep(0.02 if not caplog.records else 0.0)
    (told,) = [record.getMessage() for record in caplog.records if record.name == "simulators.wires_mqtt"]
    assert "wait: host application 'nobody' is not online (spBv1.0/STATE/nobody)" in told
