"""Small records for the ledger's tests and for the processes they kill."""

from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.event import Event, Kind, Stage


def event(n: int, condition: str = "drift/R101.pH") -> Event:
    return Event(n, Kind.DRIFT, "R101", Stage.SUSPECTED, f"{condition}/{n}")


def alarm(n: int, state: AlarmState = AlarmState.UNACK) -> Alarm:
    return Alarm(f"a{n}", state, Priority.HIGH, event(n), n, n)


def notice(n: int) -> Notice:
    return Notice(f"key-{n}", "anna", "fr", "Dérive", "La sonde pH dérive", alarm(n))
