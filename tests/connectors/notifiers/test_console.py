"""The console notifier prints compactly and can not be made to command the terminal."""

from dataclasses import replace

import pytest

from connectors.notifiers.console import Config, open_notifier
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.event import Event, Kind, Stage

EVENT = Event(1_700_000_000_000_000_000, Kind.DRIFT, "R101", Stage.CONFIRMED, "c", "R101.pH")
ALARM = Alarm("c", AlarmState.UNACK, Priority.HIGH, EVENT, EVENT.t, EVENT.t)
NOTICE = Notice("k", "anna", "en", "pH probe [drifts]", "since 09:12\nsize -0.08", ALARM)


async def test_two_kinds_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    notifier = open_notifier(Config())
    await notifier.send(NOTICE)
    await notifier.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "2023-11-14T22:13:20.000Z  HIGH  R101.pH  pH probe [drifts]",
        "    since 09:12",
        "    size -0.08",
    ]


async def test_the_other_stream(capsys: pytest.CaptureFixture[str]) -> None:
    await open_notifier(Config(stream="stdout")).send(NOTICE)
    assert "R101.pH" in capsys.readouterr().out


async def test_words_between_colons_stay_words(capsys: pytest.CaptureFixture[str]) -> None:
    await open_notifier(Config()).send(replace(NOTICE, title=":warning: of :abc:"))
    assert ":warning: of :abc:" in capsys.readouterr().err


async def test_S_06_control_characters_are_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    await open_notifier(Config()).send(replace(NOTICE, title="\x1b[2Jgone", text="\x07bell"))
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\x07" not in err
    assert "\N{REPLACEMENT CHARACTER}[2Jgone" in err
