"""`twin doctor` says of every link, in words, whether it is well; running service or not."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.wires import WireTag, free_port
from simulators.wires_opcua import OpcUaWire
from twin.domain.people import Actor, Role
from twin.ports import LinkChange
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.doctor import Finding, examine
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
    assert {name: each.well for name, each in found.items()} == {
        "service": None,
        "ua": True,
        "broker": False,
        "telegraf": True,
        "laboratory": True,
        "ledger": True,
        "historian": True,
    }
    assert "1 of 1 nodes" in found["ua"].text
    assert "check that the broker runs" in found["broker"].text
    assert not (tmp_path / "data").exists()


async def test_the_running_service_is_asked_and_not_disturbed(tmp_path: Path) -> None:
    loaded = load_line(line_of(tmp_path, free_port()))
    asked = settings(tmp_path, 0)
    async with open_service(*loaded, asked) as service, open_pages(service.view, asked) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        service.health.link(LinkChange("ua", False, "gone; check the cable", 1))
        token = service.view.people.admit("doctor", Role.VIEWER, 1.0, Actor("me", Role.ADMINISTRATOR))
        told = by_link(await examine(*loaded, settings(tmp_path, port), token))
        untold = by_link(await examine(*loaded, settings(tmp_path, port)))
    assert told["service"].well
    assert told["accounting"].text == "every value is accounted for"
    assert (told["ua"].well, told["ua"].text) == (False, "gone; check the cable; gaps 0")
    assert untold["service"].well
    assert "--token-file" in untold["service"].text
    assert untold["laboratory"].well


@pytest.mark.parametrize("present", [True, False])
def test_the_command_ends_with_1_when_a_link_is_down(
    tmp_path: Path, present: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = tmp_path / "drop"
    if present:
        drop.mkdir()
    source = {"kind": "folder", "id": "laboratory", "folder": str(drop)}
    raw = {"schema": 1, "line": "l", "vessels": [{"id": "R1", "tags": [PH]}], "sources": [source]}
    (tmp_path / "line.json").write_text(json.dumps(raw))
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TWIN_PORT", str(free_port()))
    result = CliRunner().invoke(app, ["doctor", str(tmp_path / "line.json")])
    assert result.exit_code == (0 if present else 1)
    assert "laboratory" in result.stdout
