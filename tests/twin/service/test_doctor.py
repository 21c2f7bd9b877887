"""`twin doctor` says of every link, in words, whether it is well; running service or not."""

import asyncio
import json
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from simulators.broker import open_broker
from simulators.wires import WireTag, free_port
from simulators.wires_opcua import OpcUaWire
from twin.domain.people import Actor, Role
from twin.ports import LinkChange
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.doctor import Finding, State, examine
from twin.service.pages import open_pages
from twin.service.settings import Settings

PH = {"name": "pH", "quantity": "pH", "unit": "1", "low": 0, "high": 14, "accuracy": 0.02}


def line_of(folder: Path, ua_port: int) -> Path:
    (folder / "drop").mkdir()
    sources = [
        {"kind": "opcua", "id": "ua", "url": f"opc.tcp://127.0.0.1:{ua_port}"},
        {"kind": "mqtt", "id": "broker", "port": free_port()},
        {"kind": "http", "id": "telegraf", "port": free_port()},
        {"kind": "folder", "id": "laboratory", "folder": str(folder / "drop")},
    ]
    raw = {"schema": 1, "line": "l", "vessels": [{"id": "R1", "tags": [PH]}], "sources": sources}
    path = folder / "line.json"
    path.write_text(json.dumps(raw))
    return path


def settings(folder: Path, port: int) -> Settings:
    return Settings(data_dir=folder / "data", port=port)


def by_link(found: list[Finding]) -> dict[str, Finding]:
    return {each.link: each for each in found}


async def test_without_a_running_service_every_link_is_tried(tmp_path: Path) -> None:
    async with OpcUaWire([WireTag("R1.pH", "1", 0, 14)]) as wire:
        loaded = load_line(line_of(tmp_path, wire.port))
        found = by_link(await examine(*loaded, settings(tmp_path, free_port())))
    assert {name: each.state for name, each in found.items()} == {
        "service": State.UNSEEN,
        "ua": State.WELL,
        "broker": State.DOWN,
        "telegraf": State.WELL,
        "laboratory": State.WELL,
        "ledger": State.WELL,
        "historian": State.WELL,
    }
    assert "1 of 1 nodes" in found["ua"].text
    assert "check that the broker runs" in found["broker"].text
    assert not (tmp_path / "data").exists()


async def test_a_look_leaves_nothing_on_the_broker(tmp_path: Path) -> None:
    heard: list[str] = []
    with open_broker() as broker:
        spb = {"kind": "sparkplug", "id": "spb", "port": broker.port, "host_id": "line-host"}
        raw = {"schema": 1, "line": "l", "vessels": [{"id": "R1", "tags": [PH]}], "sources": [spb]}
        (tmp_path / "line.json").write_text(json.dumps(raw))
        found = by_link(await examine(*load_line(tmp_path / "line.json"), settings(tmp_path, free_port())))
        assert found["spb"].state is State.WELL
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        listens = asyncio.Event()
        loop = asyncio.get_running_loop()
        client.on_connect = lambda *_: client.subscribe("spBv1.0/#")
        client.on_message = lambda *args: heard.append(args[2].topic)
        client.on_subscribe = lambda *_: loop.call_soon_threadsafe(listens.set)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        await asyncio.wait_for(listens.wait(), 10)
        await asyncio.sleep(0.3)
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
    assert heard == []


async def test_refused_files_in_a_drop_folder_are_to_be_looked_after(tmp_path: Path) -> None:
    loaded = load_line(line_of(tmp_path, free_port()))
    refused = tmp_path / "drop" / "refused"
    refused.mkdir()
    (refused / "monday.csv.reason.txt").write_text("no column named time")
    found = by_link(await examine(*loaded, settings(tmp_path, free_port())))
    assert found["laboratory"].state is State.WARNING
    assert "files in 'refused': 1" in found["laboratory"].text
    assert "monday.csv.reason.txt" in found["laboratory"].text


async def test_the_running_service_is_asked_and_not_disturbed(tmp_path: Path) -> None:
    loaded = load_line(line_of(tmp_path, free_port()))
    asked = settings(tmp_path, 0)
    async with open_service(*loaded, asked) as service, open_pages(service.view, asked) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        service.health.link(LinkChange("ua", False, "gone; check the cable", 1))
        token = service.view.people.admit("doctor", Role.VIEWER, 1.0, Actor("me", Role.ADMINISTRATOR))
        told = by_link(await examine(*loaded, settings(tmp_path, port), token))
        untold = by_link(await examine(*loaded, settings(tmp_path, port)))
    assert told["service"].state is State.WELL
    assert told["accounting"].text == "every value is accounted for"
    assert (told["ua"].state, told["ua"].text) == (State.DOWN, "gone; check the cable; gaps 0")
    assert untold["service"].state is State.WELL
    assert "--token-file" in untold["service"].text
    assert untold["laboratory"].state is State.WELL


@pytest.mark.parametrize("known", [True, False])
async def test_a_running_service_whose_store_takes_nothing_is_not_well(tmp_path: Path, known: bool) -> None:
    loaded = load_line(line_of(tmp_path, free_port()))
    asked = settings(tmp_path, 0)
    async with open_service(*loaded, asked) as service, open_pages(service.view, asked) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        service.pipeline.hold.why["historian"] = "database is locked"
        service.health.link(LinkChange("ua", True, "connected to it", 1))
        token = service.view.people.admit("doctor", Role.VIEWER, 1.0, Actor("me", Role.ADMINISTRATOR))
        found = by_link(await examine(*loaded, settings(tmp_path, port), token if known else ""))
        service.pipeline.hold.why.clear()
    assert found["service"].state is State.DOWN
    assert found["service"].bad
    assert "Nothing can be kept now, what comes waits: historian" in found["service"].text
    assert ("database is locked" in found["service"].text) is known
    assert ("--token-file" in found["service"].text) is not known
    assert found["ua"].text == "connected to it; gaps 0" or not known


async def test_a_token_that_is_nobodys_is_called_so(tmp_path: Path) -> None:
    loaded = load_line(line_of(tmp_path, free_port()))
    asked = settings(tmp_path, 0)
    async with open_service(*loaded, asked) as service, open_pages(service.view, asked) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        found = by_link(await examine(*loaded, settings(tmp_path, port), "not-a-token"))
    assert "--token-file" not in found["service"].text
    assert found["token"].bad
    assert "refused (401)" in found["token"].text


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("connected to opc.tcp://h:1: 5 of 5 nodes", State.WELL),
        (
            "connected to opc.tcp://h:1: 3 of 5 nodes; refused: R1.a (BadNodeIdUnknown), R1.b (x)",
            State.WARNING,
        ),
        ("connected to opc.tcp://h:1: 5 of 5 nodes; not believed: unit of R1.a", State.WARNING),
    ],
)
async def test_a_running_service_whose_server_lacks_nodes_is_a_warning(
    tmp_path: Path, text: str, state: State
) -> None:
    loaded = load_line(line_of(tmp_path, free_port()))
    asked = settings(tmp_path, 0)
    async with open_service(*loaded, asked) as service, open_pages(service.view, asked) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        service.health.link(LinkChange("ua", True, text, 1))
        token = service.view.people.admit("doctor", Role.VIEWER, 1.0, Actor("me", Role.ADMINISTRATOR))
        found = by_link(await examine(*loaded, settings(tmp_path, port), token))
    assert found["ua"].state is state
    assert found["ua"].bad is (state is State.WARNING)


async def test_a_server_without_the_node_is_a_warning(tmp_path: Path) -> None:
    async with OpcUaWire([WireTag("R1.another", "1", 0, 14)]) as wire:
        loaded = load_line(line_of(tmp_path, wire.port))
        found = by_link(await examine(*loaded, settings(tmp_path, free_port())))
    assert found["ua"].state is State.WARNING
    assert "0 of 1 nodes; refused: R1.pH (BadNodeIdUnknown)" in found["ua"].text


@pytest.mark.parametrize(("above", "code"), [("there", 0), ("not there yet", 0), ("a file", 1)])
def test_the_command_ends_with_1_when_a_folder_can_not_be_made(
    tmp_path: Path, above: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = tmp_path / "above" / "drop"
    if above == "there":
        drop.mkdir(parents=True)
    if above == "a file":
        drop.parent.touch()
    source = {"kind": "folder", "id": "laboratory", "folder": str(drop)}
    raw = {"schema": 1, "line": "l", "vessels": [{"id": "R1", "tags": [PH]}], "sources": [source]}
    (tmp_path / "line.json").write_text(json.dumps(raw))
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TWIN_PORT", str(free_port()))
    result = CliRunner().invoke(app, ["doctor", str(tmp_path / "line.json")])
    assert result.exit_code == code
    assert "laboratory" in result.stdout
    assert ("drop is made at the first start" in result.stdout) is (above == "not there yet")
    assert drop.exists() is (above == "there")
