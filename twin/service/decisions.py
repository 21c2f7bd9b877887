"""``twin diff``: what two replays decided differently, finding by finding."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from twin.domain.errors import ConfigError
from twin.service.jsonl import SCHEMA

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition as EVENTS.jsonl tells it: its first confirmed event.

    Parameters
    ----------
    line : int
        Where it stands in the file, from 1.
    event : dict
        The event as written.
    """

    line: int
    event: Document

    @property
    def hours(self) -> float:
        """Source time at which it became known [h since 1970-01-01 UTC]."""
        return datetime.fromisoformat(self.event["t"]).timestamp() / 3600.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The same finding in both files."""

    before: Finding
    after: Finding

    @property
    def earlier_h(self) -> float:
        """How much earlier the second file tells it [h]; negative when later."""
        return self.before.hours - self.after.hours

    def changes(self) -> dict[str, tuple[Any, Any]]:
        """What of the decision differs, by key."""
        keys = ("t", "tag", "verdict", "since", "size", "confidence")
        pairs = {key: (self.before.event[key], self.after.event[key]) for key in keys}
        return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(slots=True)
class Difference:
    """Two sets of findings beside each other."""

    pairs: list[Pair] = field(default_factory=list)
    fewer: list[Finding] = field(default_factory=list)
    """findings of the first file that the second does not tell"""
    more: list[Finding] = field(default_factory=list)
    models: tuple[list[str], list[str]] = ([], [])

    @property
    def same(self) -> bool:
        """True when every decision is the same."""
        return not (self.fewer or self.more or any(pair.changes() for pair in self.pairs))


def read_findings(path: Path) -> list[Finding]:
    """First confirmed event of each condition, in the order told.

    Raises
    ------
    ConfigError
        When a line is no event of this schema.
    """
    if not path.is_file():
        raise ConfigError(f"no such file: {path}; an EVENTS.jsonl of twin replay would do")
    found: dict[str, Finding] = {}
    for number, text in enumerate(path.read_bytes().splitlines(), start=1):
        event = _event(path, number, text)
        if event["stage"] == "confirmed":
            found.setdefault(f"{event['condition']} {event['t']}", Finding(number, event))
    return list(found.values())


def _event(path: Path, number: int, text: bytes) -> Document:
    try:
        event = orjson.loads(text)
        schema = event["schema"]
        datetime.fromisoformat(event["t"])
        missing = {
            "stage",
            "condition",
            "asset",
            "tag",
            "kind",
            "verdict",
            "since",
            "size",
            "confidence",
        } - set(event)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}:{number}: is no event ({error}); a line of twin replay would do"
        ) from error
    if schema != SCHEMA or missing:
        what = f"schema {schema}" if schema != SCHEMA else f"no {', '.join(sorted(missing))}"
        raise ConfigError(f"{path}:{number}: {what} came; schema {SCHEMA} is read")
    return dict(event)


def compare(before: Sequence[Finding], after: Sequence[Finding], within_h: float) -> Difference:
    """Pair the findings by tag and kind, then by asset and kind; the nearest in time first.

    Parameters
    ----------
    within_h : float
        Findings further apart are not the same [h].
    """
    out = Difference(models=(_models(before), _models(after)))
    left, right = list(before), list(after)
    for key in (_exactly, _nearly):
        for pair in _nearest(left, right, key, within_h):
            left.remove(pair.before)
            right.remove(pair.after)
            out.pairs.append(pair)
    out.pairs.sort(key=lambda pair: pair.before.line)
    out.fewer, out.more = left, right
    return out


def _exactly(finding: Finding) -> Hashable:
    return finding.event["asset"], finding.event["kind"], finding.event["tag"]


def _nearly(finding: Finding) -> Hashable:
    return finding.event["asset"], finding.event["kind"]


def _nearest(
    left: Sequence[Finding], right: Sequence[Finding], key: Callable[[Finding], Hashable], within_h: float
) -> list[Pair]:
    """Pairs with the same key, taken by their distance in time, each finding once."""
    by_key: dict[Hashable, list[Finding]] = {}
    for finding in right:
        by_key.setdefault(key(finding), []).append(finding)
    pairs = [Pair(a, b) for a in left for b in by_key.get(key(a), ())]
    near = [p for p in pairs if abs(p.earlier_h) <= within_h]
    near.sort(key=lambda p: (abs(p.earlier_h), p.before.line, p.after.line))
    used: set[tuple[str, int]] = set()
    kept = []
    for pair in near:
        ends = {("before", pair.before.line), ("after", pair.after.line)}
        if not ends & used:
            used |= ends
            kept.append(pair)
    return kept


def _models(findings: Iterable[Finding]) -> list[str]:
    models = (finding.event.get("model") for finding in findings)
    return sorted({f"{m['id']} {m['version']} {m['parameters']}" for m in models if m})


def headline(found: Difference) -> str:
    """The difference in one sentence."""
    if found.same:
        return f"the same {len(found.pairs)} findings"
    earlier = [p.earlier_h for p in found.pairs if p.earlier_h > 0]
    later = [-p.earlier_h for p in found.pairs if p.earlier_h < 0]
    told = [p for p in found.pairs if "verdict" in p.changes() or "tag" in p.changes()]
    parts = [
        f"{len(earlier)} told earlier (median {median(earlier):.1f} h)" if earlier else "",
        f"{len(later)} told later (median {median(later):.1f} h)" if later else "",
        f"{len(told)} with another verdict or tag" if told else "",
        f"{len(found.fewer)} fewer" if found.fewer else "",
        f"{len(found.more)} more" if found.more else "",
    ]
    said = ", ".join(part for part in parts if part)
    return said or "the same findings at the same times; sizes or onsets differ"


def document(found: Difference) -> Document:
    """The difference as data."""
    return {
        "schema": 1,
        "same": found.same,
        "headline": headline(found),
        "models": {"before": found.models[0], "after": found.models[1]},
        "pairs": [
            {
                "asset": p.before.event["asset"],
                "kind": p.before.event["kind"],
                "lines": [p.before.line, p.after.line],
                "earlier_h": round(p.earlier_h, 4),
                "changes": {key: list(pair) for key, pair in p.changes().items()},
            }
            for p in found.pairs
        ],
        "fewer": [f.event for f in found.fewer],
        "more": [f.event for f in found.more],
    }


def show(found: Difference, console: Console) -> None:
    """Every finding whose decision differs, and the sentence."""
    table = Table("", "asset", "kind", "tag", "told at", "what differs", box=None)
    for pair in found.pairs:
        changes = pair.changes()
        if changes:
            said = [f"{abs(pair.earlier_h):.2f} h {'earlier' if pair.earlier_h > 0 else 'later'}"] * (
                "t" in changes
            )
            said += [
                f"{key}: {a} -> {b}" for key, (a, b) in changes.items() if key in ("tag", "verdict", "size")
            ]
            _row(table, "~", pair.before, ", ".join(said) or ", ".join(changes))
    for sign, findings in (("-", found.fewer), ("+", found.more)):
        for finding in findings:
            _row(table, sign, finding, str(finding.event["verdict"] or ""))
    if table.row_count:
        console.print(table)


def _row(table: Table, sign: str, finding: Finding, what: str) -> None:
    e = finding.event
    table.add_row(sign, e["asset"], e["kind"], e["tag"] or "", e["t"], escape(what))
