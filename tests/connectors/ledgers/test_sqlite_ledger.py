"""The ledger: all or nothing, once, and still there after the process was killed."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_rows import alarm, event, notice

from connectors.codecs import records
from connectors.ledgers.sqlite import MIGRATIONS, Config, SqliteLedger, open_ledger
from twin.domain.alarm import AlarmState
from twin.domain.errors import StorageError
from twin.domain.measurement import Quality, Quarantined, Reading


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = open_ledger(Config(path=tmp_path / "ledger.sqlite"))
    assert isinstance(opened, SqliteLedger)
    yield opened
    opened.close()


def test_events_get_running_numbers_once(ledger: SqliteLedger) -> None:
    assert ledger.newest_event() == 0
    assert ledger.commit([event(5), event(3)], [], []) == [(1, event(5)), (2, event(3))]
    assert ledger.commit([event(3), event(9), event(9)], [], []) == [(3, event(9))]
    assert ledger.events() == [(1, event(5)), (2, event(3)), (3, event(9))]
    assert ledger.newest_event() == 3
    assert ledger.events(after=1, limit=1) == [(2, event(3))]


def test_a_commit_is_all_or_nothing(ledger: SqliteLedger) -> None:
    broken = replace(alarm(1), event=replace(event(1), detail={"what": object()}))  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        ledger.commit([event(1)], [broken], [notice(1)])
    assert ledger.events() == []
    assert ledger.outbox() == {"waiting": 0, "sent": 0, "given_up": 0, "withdrawn": 0}
    assert ledger.commit([event(1)], [alarm(1)], [notice(1)]) == [(1, event(1))]


def test_alarms_replace_their_former_state(ledger: SqliteLedger) -> None:
    ledger.commit([], [alarm(1), alarm(2), alarm(3)], [])
    ledger.commit([], [alarm(2, AlarmState.NORMAL), alarm(1, AlarmState.ACKED)], [])
    assert ledger.alarms() == [alarm(3), alarm(1, AlarmState.ACKED)]
    assert ledger.alarm("a2") == alarm(2, AlarmState.NORMAL)
    assert ledger.alarm("a9") is None


def test_the_outbox_keeps_each_notice_once_and_its_deliveries(ledger: SqliteLedger) -> None:
    ledger.commit([], [], [notice(1), notice(2), notice(3)])
    ledger.settle("key-1", True, "", None)
    ledger.settle("key-2", False, "HTTP 503", 50)
    ledger.settle("key-3", False, "HTTP 404", None)
    ledger.commit([], [], [replace(notice(1), title="again"), replace(notice(2), title="again")])
    assert ledger.outbox() == {"waiting": 1, "sent": 1, "given_up": 1, "withdrawn": 0}
    assert ledger.due(49) == []
    (due,) = ledger.due(50)
    assert (due.notice, due.next_try_ns) == (replace(notice(2), tries=1), 50)
    with pytest.raises(StorageError, match="no notice 'key-9'"):
        ledger.settle("key-9", True, "", None)


def test_due_is_oldest_first_and_limited(ledger: SqliteLedger) -> None:
    ledger.commit([], [], [notice(n) for n in (3, 1, 2)])
    assert [due.notice.key for due in ledger.due(0, limit=2)] == ["key-3", "key-1"]


def test_what_was_refused_is_kept_with_its_reason(ledger: SqliteLedger) -> None:
    reading = Reading("mqtt", "plant/R1\ud800", float("inf"), Quality.GOOD, 2**70, 7, replayed=True)
    ledger.quarantine([Quarantined(reading, "time", "year 2100"), Quarantined(reading, "range", "1e308")])
    newest, older = ledger.quarantined()
    assert (newest.reason, older.reason) == ("range", "time")
    assert (older.reading.value, older.reading.time_ns) == (float("inf"), 2**70)
    assert older.reading.address == "plant/R1\\ud800"
    assert len(ledger.quarantined(limit=1)) == 1


def test_snapshots_keep_the_newest(ledger: SqliteLedger) -> None:
    assert ledger.load_snapshot("engine") is None
    ledger.save_snapshot("engine", b"one")
    ledger.save_snapshot("engine", b"\0two")
    assert ledger.load_snapshot("engine") == b"\0two"


def test_events_can_not_be_altered_even_by_sql(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.commit([event(1)], [], [])
    other = sqlite3.connect(tmp_path / "ledger.sqlite")
    for statement in ("UPDATE events SET t = 0", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            other.execute(statement)
    other.close()


def test_a_second_writer_is_refused(ledger: SqliteLedger, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="already being written"):
        open_ledger(Config(path=tmp_path / "ledger.sqlite"))


WRITER = """
import sys, pathlib
sys.path.insert(0, sys.argv[2])
from ledger_rows import alarm, event, notice
from connectors.ledgers.sqlite import Config, open_ledger
ledger = open_ledger(Config(path=pathlib.Path(sys.argv[1])))
n = max((event.t for _, event in ledger.events(limit=10**6)), default=0)
while n < 10**6:
    batch = range(n + 1, n + 4)
    ledger.commit([event(n), *map(event, batch)], [alarm(i) for i in batch], [notice(i) for i in batch])
    n += 3
    print(n, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for round_ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            acknowledged = 0
            for line in writer.stdout:
                acknowledged = int(line)
                if acknowledged % 1000 > 60 + 17 * round_:
                    break
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split("\n")[:-1])])
        ledger = open_ledger(Config(path=path))
        times = [found.t for _, found in ledger.events(limit=10**6)]
        alarms = {found.raised_ns for found in ledger.alarms()}
        waiting = ledger.outbox()["waiting"]
        ledger.close()
        first = times[0]
        assert times == list(range(first, first + len(times)))
        assert times[-1] >= acknowledged > 0
        assert alarms == set(times) - {0}
        assert waiting == len(alarms)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A ledger of 12 commits as a power cut leaves it: the file, and the log not yet folded into it."""
    path = tmp_path_factory.mktemp("unfinished") / "ledger.sqlite"
    ledger = open_ledger(Config(path=path))
    for n in range(12):
        ledger.commit([event(2 * n), event(2 * n + 1)], [alarm(n)], [notice(n)])
    image = path.read_bytes(), path.with_name("ledger.sqlite-wal").read_bytes()
    ledger.close()
    return image


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_torn_log_gives_back_whole_commits_from_the_start(
    unfinished: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    body, log = unfinished
    cut = data.draw(st.integers(0, len(log)), label="cut")
    torn = bytearray(log[:cut])
    if cut and data.draw(st.booleans(), label="flip"):
        torn[data.draw(st.integers(0, cut - 1), label="at")] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    path = tmp_path_factory.mktemp("torn") / "ledger.sqlite"
    path.write_bytes(body)
    path.with_name("ledger.sqlite-wal").write_bytes(torn)
    ledger = open_ledger(Config(path=path))
    times = [found.t for _, found in ledger.events()]
    counted = len(ledger.alarms()), ledger.outbox()["waiting"]
    assert ledger.commit([event(99)], [], []) == [(len(times) + 1, event(99))]
    ledger.close()
    assert times == list(range(len(times)))
    assert len(times) % 2 == 0
    assert counted == (len(times) // 2, len(times) // 2)
    if torn == log:
        assert len(times) == 24


def test_alarms_kept_by_occurrence_are_taken_up_by_what_they_are_about(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript(MIGRATIONS[0] + "; PRAGMA user_version=1")
        for number in (1, 2):
            old = alarm(number)
            body = json.loads(records.encode(old)) | {"id": f"R1/frozen/pH/{number}"}
            for name in ("active", "until_ns", "why", "part_of"):
                body.pop(name)
            row = (body["id"], old.state.value, old.raised_ns, json.dumps(body).encode())
            db.execute("INSERT INTO alarms VALUES (?, ?, ?, ?)", row)
    db.close()
    opened = SqliteLedger(path)
    assert [each.id for each in opened.alarms()] == ["R1/frozen/pH"]
    opened.close()


def test_every_change_of_state_is_in_the_log_of_moves_once(ledger: SqliteLedger) -> None:
    raised = alarm(1)
    acked = replace(raised, state=AlarmState.ACKED, changed_ns=raised.changed_ns + 5, by="anna", why="seen")
    gone = replace(acked, state=AlarmState.NORMAL, active=False, changed_ns=raised.changed_ns + 9, by="")
    ledger.commit(alarms=[raised, raised])
    ledger.commit(alarms=[acked])
    ledger.commit(alarms=[acked, gone])
    moves = ledger.moves(0, 2**62)
    assert [(m.old, m.new, m.by, m.active) for m in moves] == [
        (AlarmState.NORMAL, AlarmState.UNACK, "", True),
        (AlarmState.UNACK, AlarmState.ACKED, "anna", True),
        (AlarmState.ACKED, AlarmState.NORMAL, "", False),
    ]
    assert ledger.moves(moves[1].t, moves[2].t) == [moves[1]]
    assert ledger.known_alarms() == [gone]
    assert ledger.alarms() == []
