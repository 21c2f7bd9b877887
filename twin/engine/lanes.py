"""Vessels side by side: what their filters do at the same time is done in one call for all.

Each vessel is followed in a lane of its own (a greenlet: a function that can wait in the middle and go on
later, without a thread). Where it needs a step of the filter it waits until every lane needs one or has
ended. The code of a vessel stays as plain as if it were alone, and what is found does not depend on who
runs beside it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from greenlet import getcurrent, greenlet

from twin.engine.mind import Expected, Stepper, Turn

T = TypeVar("T")


class _Lane(greenlet):
    """Says an `_Asked` each time it waits, and its result at its end."""


@dataclass(frozen=True, slots=True)
class _Asked:
    lane: _Lane
    stepper: Stepper
    turn: Turn


def step(stepper: Stepper, turn: Turn) -> Expected:
    """One step of a filter, together with those of all lanes that run beside this one."""
    here = getcurrent()
    if isinstance(here, _Lane) and here.parent is not None:
        answer: Expected = here.parent.switch(_Asked(here, stepper, turn))
        return answer
    return stepper.step([turn])[0]


def side_by_side(tasks: Iterable[Callable[[], T]], width: int) -> list[T]:
    """Results of all tasks, in their order; up to `width` of them are followed at a time.

    Within a lane they follow each other: that lane is one of many already. What a task raises is raised here,
    and ends all.
    """
    if width == 1 or isinstance(getcurrent(), _Lane):
        return [task() for task in tasks]
    return _Lanes(tasks, width).run()


class _Lanes(Generic[T]):
    def __init__(self, tasks: Iterable[Callable[[], T]], width: int) -> None:
        self._waiting = enumerate(tasks)
        self._width = width
        self._places: dict[_Lane, int] = {}
        self._asked: list[_Asked] = []
        self._results: dict[int, T] = {}

    def run(self) -> list[T]:
        self._fill()
        while self._asked:
            asked, self._asked = self._asked, []
            for one, answer in answered(asked):
                self._go_on(one.lane, answer)
            self._fill()
        return [self._results[i] for i in range(len(self._results))]

    def _fill(self) -> None:
        """Begin tasks until enough lanes are at work; one that never waits has its result at once."""
        while len(self._places) < self._width and (begun := next(self._waiting, None)):
            place, task = begun
            lane = _Lane(task)
            self._places[lane] = place
            self._go_on(lane)

    def _go_on(self, lane: _Lane, *answer: Expected) -> None:
        said: Any = lane.switch(*answer)
        if lane.dead:
            self._results[self._places.pop(lane)] = said
        else:
            self._asked.append(said)


def answered(asked: Sequence[_Asked]) -> list[tuple[_Asked, Expected]]:
    """Every request with its answer; those with the same model and length of row in one call."""
    groups: dict[tuple[object, int], list[_Asked]] = {}
    for one in asked:
        row = one.turn.row
        groups.setdefault((one.stepper.alike, row.end_ns - row.start_ns), []).append(one)
    return [
        pair
        for group in groups.values()
        for pair in zip(group, group[0].stepper.step([one.turn for one in group]), strict=True)
    ]
