"""Accounts and the audit trail from the command line."""

import re
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.errors import StorageError
from twin.domain.people import Actor, Role
from twin.runtime.people import PeopleBook
from twin.service.accounts import greeting
from twin.service.cli import app
from twin.service.settings import Settings

LINE = """
schema: 1
line: l1
vessels: [{id: R1, tags: [{name: pH, quantity: pH, unit: "1", low: 0, high: 14, accuracy: 0.02}]}]
"""


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path))
    path = tmp_path / "line.yaml"
    path.write_text(LINE)
    (tmp_path / "l1").mkdir()
    return path


def test_an_invitation_from_the_command_line_opens_the_door_and_is_in_the_trail(line: Path) -> None:
    printed = CliRunner().invoke(app, ["account", "invite", str(line), "anna"]).output
    secret = re.search(r"invitation=(\S+)", printed)
    assert secret
    ledger = SqliteLedger(line.parent / "l1" / "ledger.sqlite")
    book = PeopleBook(ledger, lambda: 1)
    invited = book.invited(secret[1])
    assert invited
    assert (invited.name, invited.role) == ("anna", Role.ADMINISTRATOR)
    assert [e.deed.origin for e in book.trail(0, 10)] == ["command line"]
    ledger.close()


def test_the_trail_is_verified_while_the_service_writes_it(line: Path) -> None:
    file = line.parent / "l1" / "ledger.sqlite"
    ledger = SqliteLedger(file)
    book = PeopleBook(ledger, lambda: 1)
    for name in ("m1", "m2", "m3"):
        book.admit(name, Role.VIEWER, 1.0, Actor("anna", Role.ADMINISTRATOR))
    result = CliRunner().invoke(app, ["audit", "verify", str(line)])
    assert "3 entries, all as written" in result.output
    head = re.search(r"3:[0-9a-f]{64}", result.output)
    assert head
    ledger.close()
    with sqlite3.connect(file) as db:
        db.execute("DROP TRIGGER trail_stays")
        db.execute("DELETE FROM trail WHERE number = 3")
    db.close()
    assert CliRunner().invoke(app, ["audit", "verify", str(line)]).exit_code == 0
    cut = CliRunner().invoke(app, ["audit", "verify", str(line), "--head", head[0]])
    assert isinstance(cut.exception, StorageError)
    with sqlite3.connect(file) as db:
        db.execute("DROP TRIGGER trail_stays_as_written")
        db.execute("UPDATE trail SET who = 'ben' WHERE number = 1")
    db.close()
    forged = CliRunner().invoke(app, ["audit", "verify", str(line)])
    assert "entry 1 is not as it was written (0 entries are sound)" in str(forged.exception)


def test_S_14_the_database_itself_refuses_to_change_the_trail(line: Path) -> None:
    ledger = SqliteLedger(line.parent / "l1" / "ledger.sqlite")
    PeopleBook(ledger, lambda: 1).admit("m1", Role.VIEWER, 1.0, Actor("anna", Role.ADMINISTRATOR))
    for sql in ("UPDATE trail SET why = 'x'", "DELETE FROM trail"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            ledger._db.execute(sql)
    ledger.close()


def test_the_start_prints_a_link_only_while_nobody_has_an_account(line: Path) -> None:
    ledger = SqliteLedger(line.parent / "l1" / "ledger.sqlite")
    told = greeting(PeopleBook(ledger, lambda: 1), "http://127.0.0.1:8800/")
    assert "http://127.0.0.1:8800/#/welcome?invitation=" in told[1]
    assert "nobody signs in" in greeting(PeopleBook(ledger, lambda: 1, local=True), "")[0]
    ledger.close()


def test_S_16_local_mode_is_refused_off_the_loopback_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="loopback TWIN_HOST only"):
        Settings(sign_in="local", host="0.0.0.0")
    assert Settings(sign_in="local").local
    assert not Settings().local
