"""The audit trail: who changed what, when, where and why; each entry holds the hash of the one before."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Final

START: Final = "0" * 64
"""What the first entry of a trail holds in place of a hash."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A change of state that somebody made.

    Parameters
    ----------
    t : int
        Wall time [ns since 1970-01-01 UTC].
    who : str
        Account name, or what acted by itself.
    role : str
    origin : str
        Where from.
    action : str
        What was done, such as ``"alarm.acknowledge"``.
    subject : str
        On which thing.
    old, new : str
        State before and after.
    why : str
        The reason given; empty when none was asked for.
    """

    t: int
    who: str
    role: str
    origin: str
    action: str
    subject: str
    old: str = ""
    new: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed in its place in the trail.

    Parameters
    ----------
    number : int
        1 for the first, without a gap.
    deed : Deed
    hash : str
        SHA-256 over the number, the deed and the hash of the entry before, hexadecimal.
    """

    number: int
    deed: Deed
    hash: str


def chained(number: int, deed: Deed, before: str) -> Entry:
    """Put a deed after the entry whose hash is `before`."""
    text = json.dumps([number, *astuple(deed), before], separators=(",", ":"))
    return Entry(number, deed, hashlib.sha256(text.encode("ascii")).hexdigest())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a check of the trail.

    Parameters
    ----------
    entries : int
        How many are sound, from the first on.
    head : str
        Hash of the last sound one.
    fault : str
        What is wrong with the next one; empty when the trail is whole.
    """

    entries: int
    head: str
    fault: str = ""


def verify(entries: Iterable[Entry], anchor: tuple[int, str] | None = None) -> Verdict:
    """Check that no entry was changed, removed, added or moved.

    A trail cut off at its end looks whole; `anchor` finds that out.

    Parameters
    ----------
    entries : iterable of Entry
        From the first on, as kept.
    anchor : tuple of (int, str) or None
        Number and hash of an entry as noted elsewhere earlier.
    """
    number, head = 0, START
    for entry in entries:
        fault = _fault(entry, number + 1, head) or _unlike(entry, anchor)
        if fault:
            return Verdict(number, head, fault)
        number, head = entry.number, entry.hash
    if anchor and number < anchor[0]:
        return Verdict(number, head, f"the trail ends at entry {number}; entry {anchor[0]} was there once")
    return Verdict(number, head)


def _fault(entry: Entry, number: int, before: str) -> str:
    if entry.number != number:
        return f"entry {number} is missing; entry {entry.number} comes in its place"
    if chained(number, entry.deed, before) != entry:
        return f"entry {number} is not as it was written"
    return ""


def _unlike(entry: Entry, anchor: tuple[int, str] | None) -> str:
    if anchor and entry.number == anchor[0] and entry.hash != anchor[1]:
        return f"entry {entry.number} has another hash than was noted"
    return ""
