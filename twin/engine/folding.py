"""Signals of one vessel that fall silent together are one finding, not one each."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from twin.domain.event import Cause, Event, Kind, Stage, Verdict

LEAST = 3
"""Signals lost in one frame from which they are told together (chosen default)."""

TOGETHER, NEVER = "signals_lost_together", "signals_never_heard"
"""Texts of signals that fell silent together, and of those that have sent nothing yet."""


@dataclass(slots=True)
class SilenceFold:
    """Folds lost signals of a vessel into one condition while it stands.

    Later losses join it, signals that come back leave it: each frame in which that happens revises it, so
    that it always names the signals that are silent. It closes when the last of them is back.
    """

    asset: str
    number: int = 0
    since: int = 0
    members: set[str] = field(default_factory=set)
    code: str = TOGETHER

    def fold(self, events: Iterable[Event], t: int) -> list[Event]:
        """Events of one frame that ends at `t` [ns], with those of the fold taken in."""
        passed: list[Event] = []
        lost: list[Event] = []
        before = set(self.members)
        for event in events:
            if event.kind is not Kind.SIGNAL_LOST:
                passed.append(event)
            elif event.stage is Stage.CONFIRMED:
                lost.append(event)
            elif event.condition in self.members:
                self.members.remove(event.condition)
            else:
                passed.append(event)
        if len(lost) >= LEAST or (self.members and lost):
            self._take(lost, before)
        else:
            passed += lost
        return passed + self._told(before, t)

    def snapshot(self) -> list[object]:
        """State as plain values."""
        return [self.number, self.since, sorted(self.members), self.code]

    def restore(self, number: int, since: int, members: list[str], code: str = TOGETHER) -> None:
        """Take up a state from `snapshot`."""
        self.number, self.since, self.members, self.code = number, since, set(members), code

    def _take(self, lost: list[Event], before: set[str]) -> None:
        never = all(_never_heard(e) for e in lost)
        self.members.update(e.condition for e in lost)
        if not before:
            self.number += 1
            self.since = min(e.since for e in lost if e.since is not None)
            self.code = NEVER if never else TOGETHER
        elif not never:
            self.code = TOGETHER

    def _told(self, before: set[str], t: int) -> list[Event]:
        """What has become of the condition, if anything has."""
        if self.members == before:
            return []
        if not before:
            return [self._event(Stage.CONFIRMED, t)]
        return [self._event(Stage.REVISED if self.members else Stage.CLOSED, t)]

    def _event(self, stage: Stage, t: int) -> Event:
        names = sorted(condition.split("/")[-2] for condition in self.members)
        return Event(
            t=t,
            kind=Kind.SIGNAL_LOST,
            asset=self.asset,
            stage=stage,
            condition=f"{self.asset}/signal_lost/together/{self.number}",
            verdict=Verdict.UNKNOWN,
            since=self.since,
            causes=(Cause(self.code, Verdict.UNKNOWN, self.asset, None, 1.0),),
            evidence=("signal.signal_lost",),
            detail={"count": float(len(names)), "tags": ", ".join(names)},
        )


def _never_heard(event: Event) -> bool:
    return any(cause.code == "never_heard" for cause in event.causes)
