"""The four sets: lost, invented, duplicated, reordered; what the senders know against what the store has."""

from collections import Counter
from dataclasses import dataclass, field

from torture.plant import STRANGER, Key, Plant


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of a store."""

    tag: str
    time_ns: int
    value: float
    received_ns: int


@dataclass
class Verdict:
    """What a run has shown; sets of (tag, counter)."""

    lost: set[Key] = field(default_factory=set)
    invented: set[Key] = field(default_factory=set)
    duplicated: set[Key] = field(default_factory=set)
    reordered: set[Key] = field(default_factory=set)
    taken: int = 0
    stored: int = 0
    refused: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    notices: int = 0
    posts: int = 0

    @property
    def sets(self) -> dict[str, set[Key]]:
        """By name, in the order they are told."""
        return {
            "lost": self.lost,
            "invented": self.invented,
            "duplicated": self.duplicated,
            "reordered": self.reordered,
        }

    @property
    def clean(self) -> bool:
        """True when all four are empty."""
        return not any(self.sets.values())

    def figures(self) -> dict[str, object]:
        """For one JSON object."""
        counts: dict[str, object] = {name: len(found) for name, found in self.sets.items()}
        more = {"kills": self.kills.total(), "taken": self.taken, "stored": self.stored}
        more |= {"refused": self.refused, "notices": self.notices, "posts": self.posts}
        return counts | more | {"killed": dict(sorted(self.kills.items()))}


def judge(plant: Plant, rows: list[Stored], refused: list[tuple[str, float]], first: int) -> Verdict:
    """Compare everything from the counter `first` on (before it nobody had subscribed yet)."""
    found = [(row.tag, int(row.value)) for row in rows]
    there, kept = set(found), {(tag, int(value)) for tag, value in refused}
    wanted = {key for key in plant.taken if key[1] >= first}
    return Verdict(
        lost={key for key in wanted if key not in (kept if key[0] == STRANGER else there)},
        invented={
            key
            for row, key in zip(rows, found, strict=True)
            if plant.sent.get(key) != row.time_ns or row.value != key[1]
        }
        | {key for key in kept if key not in plant.sent},
        duplicated={key for key, count in Counter(found).items() if count > 1},
        # what was said before the service had a session may be said again after a kill of the broker
        reordered=_reordered([row for row in rows if row.value >= first]),
        taken=len(wanted),
        stored=len(found),
        refused=len(kept),
    )


def _reordered(rows: list[Stored]) -> set[Key]:
    """Counters that were stored after a higher one of their tag, or carry an older time than a lower one."""
    found: set[Key] = set()
    for order in (lambda r: (r.received_ns, r.time_ns), lambda r: (r.time_ns, r.value)):
        highest: dict[str, float] = {}
        for row in sorted(rows, key=order):
            if row.value < highest.get(row.tag, -1.0):
                found.add((row.tag, int(row.value)))
            highest[row.tag] = max(row.value, highest.get(row.tag, -1.0))
    return found
