"""What every signal detector shares: plain state that can be kept, and the condition it stands for."""

from collections.abc import Mapping
from typing import Any, ClassVar

from twin.domain.event import Cause, Event, Kind, Stage, Verdict
from twin.domain.measurement import Quality
from twin.domain.tag import Tag

MINUTE: int = 60_000_000_000
"""One minute [ns]."""


class Stateful:
    """Something whose state is a few named plain values.

    `FIELDS` names them; `snapshot` and `restore` are inverse of each other, and the
    snapshot holds only numbers, strings, lists and None, so it can be written as JSON.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ()

    def snapshot(self) -> dict[str, Any]:
        """State by name."""
        return {name: _plain(getattr(self, name)) for name in self.FIELDS}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state that `snapshot` gave."""
        for name in self.FIELDS:
            setattr(self, name, _plain(state[name]))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


class Condition(Stateful):
    """One kind of finding on one tag: at most one stands at a time.

    Parameters
    ----------
    tag : Tag
    kind : Kind
    """

    FIELDS = ("number", "stage", "since")

    def __init__(self, tag: Tag, kind: Kind) -> None:
        self.tag = tag
        self.kind = kind
        self.number = 0
        self.stage = ""
        self.since: int = 0

    @property
    def open(self) -> bool:
        """True while the condition stands."""
        return self.stage != ""

    def move(
        self,
        stage: Stage,
        t: int,
        *,
        since: int | None = None,
        size: float | None = None,
        confidence: float | None = None,
        causes: tuple[Cause, ...] = (),
        detail: Mapping[str, float | str] | None = None,
    ) -> Event:
        """Open, confirm, revise or close the condition, and say so.

        Parameters
        ----------
        stage : Stage
        t : int
            Source time at which it became known [ns since 1970-01-01 UTC].
        since : int or None
            Onset [ns since 1970-01-01 UTC]; None keeps the one told before.
        """
        if not self.open:
            self.number += 1
            self.since = t
        self.since = self.since if since is None else since
        self.stage = "" if stage is Stage.CLOSED else stage.value
        return Event(
            t=t,
            kind=self.kind,
            asset=self.tag.asset,
            stage=stage,
            condition=f"{self.tag.asset}/{self.kind.value}/{self.tag.name}/{self.number}",
            tag=self.tag.id,
            verdict=causes[0].verdict if causes else Verdict.SENSOR,
            since=self.since,
            size=size,
            unit=self.tag.unit,
            confidence=confidence,
            causes=causes,
            evidence=(f"signal.{self.kind.value}",),
            detail=detail or {},
        )


class Detector(Stateful):
    """One question asked of one signal, value by value.

    Parameters
    ----------
    tag : Tag
    kind : Kind
        Kind of the events it raises.
    """

    KIND: ClassVar[Kind]

    def __init__(self, tag: Tag) -> None:
        self.tag = tag
        self.condition = Condition(tag, self.KIND)

    def see(self, t: int, x: float, out: list[Event]) -> Quality:
        """Judge the value `x` [tag's unit] of source time `t` [ns]; findings are put into `out`."""
        raise NotImplementedError

    def tick(self, now: int, out: list[Event]) -> None:
        """Time went on to `now` [ns] without a value."""

    def snapshot(self) -> dict[str, Any]:
        """State with that of the condition."""
        return {**super().snapshot(), "condition": self.condition.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state that `snapshot` gave."""
        super().restore(state)
        self.condition.restore(state["condition"])

    def causes(self, *codes: tuple[str, Verdict, float]) -> tuple[Cause, ...]:
        """Causes on this tag from (code, verdict, probability), in the order given."""
        return tuple(
            Cause(code, verdict, self.tag.asset, self.tag.id, probability)
            for code, verdict, probability in codes
        )


ACTUATED = frozenset({"gas flow", "liquid flow", "rotation"})
"""Quantities that are driven: they may rest at zero, stay constant and jump at will."""

CAN_BE_ZERO = ACTUATED | {
    "pressure",
    "mass",
    "rate",
    "count",
    "ratio",
    "absorbance",
    "concentration",
    "volume",
}
"""Quantities whose exact zero is an ordinary value (an empty bottle, a closed valve, a gauge pressure)."""
