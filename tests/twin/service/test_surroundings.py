"""`twin check` looks around: files that are named, folders, clients of one broker, private addresses."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_check import GOOD
from typer.testing import CliRunner

from twin.domain.errors import ConfigError
from twin.service.cli import app

BROKER = {"kind": "mqtt", "id": "a", "host": "127.0.0.1", "port": 1883, "client_id": "bioline"}
SPARKPLUG = {**BROKER, "kind": "sparkplug", "id": "b", "group": "g", "host_id": "h"}
UNS = {"kind": "uns", "id": "u", "levels": ["s"], "host": "localhost", "client_id": "bioline"}


def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **sections: Any) -> str:
    """What `twin check` says of the good line with other sections; empty when it is usable."""
    monkeypatch.setenv("TWIN_DATA_DIR", os.environ.get("TWIN_DATA_DIR", str(tmp_path / "data")))
    path = tmp_path / "line.yaml"
    path.write_text(yaml.safe_dump({**copy.deepcopy(GOOD), **sections}), encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(path)])
    if result.exit_code == 0:
        return ""
    assert isinstance(result.exception, ConfigError), result.output
    return str(result.exception)


def webhook(**fields: Any) -> list[dict[str, Any]]:
    return [{"id": "w", "notifier": {"kind": "webhook", **fields}}]


def test_two_clients_of_one_name_at_one_broker_are_told_apart(tmp_path, monkeypatch) -> None:
    said = checked(tmp_path, monkeypatch, sources=[BROKER, SPARKPLUG])
    assert "sources.1.client_id: 'bioline' is that of sources.0 at the same broker 127.0.0.1:1883" in said
    other = {**SPARKPLUG, "client_id": "bioline-b"}
    assert checked(tmp_path, monkeypatch, sources=[BROKER, other]) == ""
    elsewhere = {**SPARKPLUG, "port": 1884}
    assert checked(tmp_path, monkeypatch, sources=[BROKER, elsewhere]) == ""


def test_a_publisher_counts_too_and_localhost_is_this_machine(tmp_path, monkeypatch) -> None:
    unnamed = {"kind": "mqtt", "id": "u", "host": "127.0.0.1"}
    silent = {key: value for key, value in UNS.items() if key != "client_id"}
    said = checked(tmp_path, monkeypatch, sources=[unnamed], publishers=[silent])
    assert "publishers.0.client_id: 'bioline-l1-u' is that of sources.0" in said, (
        "also names given by default"
    )
    said = checked(tmp_path, monkeypatch, sources=[BROKER], publishers=[UNS])
    assert "publishers.0.client_id: 'bioline' is that of sources.0" in said


def test_a_secret_that_is_not_there_is_named(tmp_path, monkeypatch) -> None:
    secret = tmp_path / "password"
    sources = [{**BROKER, "user": "u", "password_file": str(secret), "tls": True}]
    mail = {"kind": "smtp", "host": "h", "sender": "a@b.org", "user": "u", "password_file": "/none/mail"}
    said = checked(tmp_path, monkeypatch, sources=sources, channels=[{"id": "m", "notifier": mail}])
    assert f"sources.0.password_file: {secret} is not there" in said
    assert "channels.0.notifier.password_file: /none/mail is not there" in said
    secret.write_text("x")
    assert checked(tmp_path, monkeypatch, sources=sources) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "http://localhost/x",
        "http://[::1]/x",
        "https://10.1.2.3/",
        "http://x.localhost/",
    ],
)
def test_a_webhook_to_a_private_address_needs_leave(url, tmp_path, monkeypatch) -> None:
    said = checked(tmp_path, monkeypatch, channels=webhook(url=url))
    assert "channels.0.notifier.url" in said
    assert "allow_private: true" in said
    assert checked(tmp_path, monkeypatch, channels=webhook(url=url, allow_private=True)) == ""


def test_a_webhook_to_a_public_address_or_to_none_is_no_fault(tmp_path, monkeypatch) -> None:
    assert checked(tmp_path, monkeypatch, channels=webhook(url="https://example.org/n")) == ""
    assert checked(tmp_path, monkeypatch, channels=webhook()) == ""


def test_stores_must_be_possible_where_they_are_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    historian = {"kind": "sqlite", "path": str(tmp_path / "file" / "h.sqlite")}
    ledger = {"kind": "sqlite", "path": str(tmp_path / "folder")}
    said = checked(tmp_path, monkeypatch, historian=historian, ledger=ledger)
    assert f"historian.path: {tmp_path / 'file'} is no folder" in said
    assert f"ledger.path: {tmp_path / 'folder'} is a folder" in said


def test_stores_that_may_not_be_written_are_named(tmp_path, monkeypatch) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    monkeypatch.setattr("twin.service.surroundings.os.access", lambda path, _: Path(path) != locked)
    historian = {"kind": "sqlite", "path": str(locked / "deep" / "h.sqlite")}
    said = checked(tmp_path, monkeypatch, historian=historian)
    assert f"historian.path: {locked} can not be written by this account" in said


def test_a_drop_folder_is_made_and_needs_a_place_for_it(tmp_path, monkeypatch) -> None:
    there = {"kind": "folder", "id": "lab", "folder": str(tmp_path / "deep" / "drop")}
    assert checked(tmp_path, monkeypatch, sources=[there]) == ""
    assert not (tmp_path / "deep").exists()
    (tmp_path / "file").write_text("x")
    said = checked(tmp_path, monkeypatch, sources=[{**there, "folder": str(tmp_path / "file" / "drop")}])
    assert f"sources.0.folder: {tmp_path / 'file'} is no folder" in said


def test_looking_makes_nothing(tmp_path, monkeypatch) -> None:
    assert checked(tmp_path, monkeypatch) == ""
    assert not (tmp_path / "data").exists()


def test_certificates_that_are_made_at_the_first_start_are_told_and_no_fault(tmp_path, monkeypatch) -> None:
    named = {"certificate": str(tmp_path / "c.der"), "private_key": str(tmp_path / "k.pem")}
    server = {"kind": "opcua", "id": "ua", "url": "opc.tcp://127.0.0.1:1", "security": "aes256", **named}
    assert checked(tmp_path, monkeypatch, sources=[server]) == ""
    said = CliRunner().invoke(app, ["check", str(tmp_path / "line.yaml")]).output
    assert f"sources.0.certificate: {tmp_path / 'c.der'} is not there and is made at the first start" in said
    assert f"sources.0.private_key: {tmp_path / 'k.pem'} is not there and is made at the first start" in said
    nowhere = {**server, "private_key": str(tmp_path / "keys" / "k.pem")}
    said = checked(tmp_path, monkeypatch, sources=[nowhere])
    assert f"sources.0.private_key: {tmp_path / 'keys'} is not there" in said
    (tmp_path / "c.der").write_text("x")
    said = checked(tmp_path, monkeypatch, sources=[server])
    assert "sources.0.private_key" in said
    assert "would be replaced" in said


def test_a_users_certificate_is_not_made_and_must_be_there(tmp_path, monkeypatch) -> None:
    named = {"certificate": str(tmp_path / "c.der"), "private_key": str(tmp_path / "k.pem")}
    user = {"user_certificate": str(tmp_path / "u.der"), "user_private_key": str(tmp_path / "u.pem")}
    server = {"kind": "opcua", "id": "ua", "url": "opc.tcp://127.0.0.1:1", "security": "aes256", **named}
    said = checked(tmp_path, monkeypatch, sources=[{**server, **user}])
    assert f"sources.0.user_certificate: {tmp_path / 'u.der'} is not there; put it there" in said
    assert "sources.0.certificate" not in said
