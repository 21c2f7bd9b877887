"""Vessels by name or by range, as the command line takes them: ``B3 B8-B12``."""

import re
from dataclasses import replace

from twin.domain.asset import Line
from twin.domain.errors import ConfigError

_RANGE = re.compile(r"^(?P<head>.*?)(?P<first>\d+)-(?P=head)?(?P<last>\d+)$")


def chosen(line: Line, text: str) -> list[str]:
    """Ids of the vessels that are named, in the order of the line.

    Raises
    ------
    ConfigError
        When a part names no vessel of the line.
    """
    known = [vessel.id for vessel in line.vessels]
    wanted: set[str] = set()
    for part in re.split(r"[\s,]+", text.strip()):
        found = {part} & set(known) or _range(part) & set(known)
        if not found:
            there = f"{known[0]} ... {known[-1]}" if known[1:] else f"{known[0]} alone"
            some = f"{known[0]} or a range {known[0]}-{known[-1]}" if known[1:] else known[0]
            raise ConfigError(f"{part!r} names no vessel of line {line.id}; it has {there}; {some} would do")
        wanted |= found
    return [name for name in known if name in wanted]


def _range(part: str) -> set[str]:
    match = _RANGE.match(part)
    if match is None:
        return set()
    numbers = range(int(match["first"]), min(int(match["last"]), 1_000_000) + 1)
    return {f"{match['head']}{number}" for number in numbers}


def only(line: Line, text: str) -> Line:
    """The line with the vessels that are named; all of them when the text is empty."""
    if not text.strip():
        return line
    wanted = set(chosen(line, text))
    return replace(line, vessels=tuple(v for v in line.vessels if v.id in wanted))
