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

    Later losses join it; it closes when the last of its signals is back.
    """

    asset: str
    number: int = 0
    since: int = 0
    members: set[str] = field(default_factory=set)

    def fold(self, events: Iterable[Event], t: int) -> list[Event]:
        """Events of one frame that ends at `t` [ns], with those of the fold taken in."""
        passed: list[Event] = []
        lost: list[Event] = []
        stood = bool(self.members)
        for event in events:
            if event.kind is not Kind.SIGNAL_LOST:
                passed.append(event)
            elif event.stage is Stage.CONFIRMED:
                lost.append(event)
            elif event.condition in self.members:
                self.members.remove(event.condition)
            else:
                passed.append(event)
        return passed + self._took(lost, stood, t)

    def snapshot(self) -> list[object]:
        """State as plain values."""
        return [self.number, self.since, sorted(self.members)]

    def restore(self, number: int, since: int, members: list[str]) -> None:
        """Take up a state from `snapshot`."""
        self.number, self.since, self.members = number, since, set(members)

    def _took(self, lost: list[Event], stood: bool, t: int) -> list[Event]:
        if len(lost) < LEAST and not (self.members and lost):
            over = stood and not self.members
            return lost + ([self._event(Stage.CLOSED, t, [], TOGETHER)] if over else [])
        self.members.update(e.condition for e in lost)
        if stood:
            return []
        code = NEVER if all(_never_heard(e) for e in lost) else TOGETHER
        self.number += 1
        self.since = min(e.since for e in lost if e.since is not None)
        return [self._event(Stage.CONFIRMED, t, [e.tag or "" for e in lost], code)]

    def _event(self, stage: Stage, t: int, tags: list[str], code: str) -> Event:
        names = ", ".join(tag.partition(".")[2] for tag in tags)
        return Event(
            t=t,
            kind=Kind.SIGNAL_LOST,
            asset=self.asset,
            stage=stage,
            condition=f"{self.asset}/signal_lost/together/{self.number}",
            verdict=Verdict.UNKNOWN,
            since=self.since,
            confidence=1.0,
            causes=(Cause(code, Verdict.UNKNOWN, self.asset, None, 1.0),),
            evidence=("signal.signal_lost",),
            detail={"count": float(len(tags)), "tags": names},
        )


def _never_heard(event: Event) -> bool:
    return any(cause.code == "never_heard" for cause in event.causes)
