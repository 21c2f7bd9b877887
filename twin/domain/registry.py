"""Models by name and version: what was proposed, who approved it and why, read out of the audit trail.

The trail is the registry: what is not entered there did not happen, and an entry that was changed breaks the
chain. A version is a file, known by its SHA-256.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from twin.domain.audit import Deed
from twin.domain.errors import ConfigError, InputError, NotFoundError
from twin.domain.event import ModelRef

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
USE: Final = re.compile(rf"(?P<name>{NAME.pattern})(?:@(?P<number>[1-9][0-9]{{0,5}}))?")
"""A model as a line file names it: the approved version, or a pinned one."""
_CONTENT: Final = re.compile(
    r"(?P<sort>process|normal|spectra) (?P<kind>\S+) (?P<version>\S+) (?P<parameters>[0-9a-f]{12}) "
    r"sha256:(?P<sha256>[0-9a-f]{64})"
)
PROPOSE, APPROVE, REJECT, ROLL_BACK, IN_USE = (
    f"model.{each}" for each in ("propose", "approve", "reject", "roll-back", "use")
)
"""Actions of the audit trail."""


class Sort(StrEnum):
    """What a version holds."""

    PROCESS = "process"
    """a process model by its version, with its parameters"""
    NORMAL = "normal"
    """what was learnt from good runs"""
    SPECTRA = "spectra"
    """concentrations from spectra"""


class Standing(StrEnum):
    """What became of a version."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """approved once, then given up for an earlier one"""


@dataclass(frozen=True, slots=True)
class Act:
    """Who did something about a version, when [ns since 1970-01-01 UTC] and why."""

    who: str
    role: str
    t: int
    why: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model.

    Parameters
    ----------
    name : str
    number : int
        1 for the first.
    sort : Sort
    model : ModelRef
        The model that the file gives with the software it was proposed with.
    sha256 : str
        Of its file, hexadecimal.
    standing : Standing
    proposed : Act
    decided : Act or None
        The newest decision on it.
    """

    name: str
    number: int
    sort: Sort
    model: ModelRef
    sha256: str
    standing: Standing
    proposed: Act
    decided: Act | None = None

    @property
    def id(self) -> str:
        """Name and number, such as ``"growth@3"``."""
        return f"{self.name}@{self.number}"


def content(sort: Sort, model: ModelRef, sha256: str) -> str:
    """What a proposal enters in the trail of the file."""
    return f"{sort.value} {model.id} {model.version} {model.parameters} sha256:{sha256}"


@dataclass(slots=True)
class Registry:
    """Every version of every model, as the trail tells it.

    Attributes
    ----------
    versions : dict of str to list of Version
        By name, in the order of their numbers.
    approved : dict of str to int
        Number of the version that a name alone means.
    in_use : dict of str to str
        By vessel or source and sort, such as ``"R101/process"``: the version the service took last.
    """

    versions: dict[str, list[Version]] = field(default_factory=dict)
    approved: dict[str, int] = field(default_factory=dict)
    in_use: dict[str, str] = field(default_factory=dict)

    def take(self, deeds: Iterable[Deed]) -> None:
        """Take further deeds of the trail, in its order; those about other things change nothing."""
        for deed in deeds:
            if deed.action == PROPOSE:
                self._propose(deed)
            elif deed.action in _BECOMES:
                self._decide(deed)
            elif deed.action == IN_USE:
                self.in_use[deed.subject] = deed.new

    def _propose(self, deed: Deed) -> None:
        name, number = split(deed.subject)
        found = _CONTENT.fullmatch(deed.new)
        rows = self.versions.setdefault(name, [])
        if found is None or number != len(rows) + 1:
            raise ConfigError(f"audit trail: {deed.subject} proposed as {deed.new!r} is no version")
        model = ModelRef(found["kind"], found["version"], found["parameters"], deed.subject)
        act = Act(deed.who, deed.role, deed.t, deed.why)
        sort = Sort(found["sort"])
        rows.append(Version(name, number, sort, model, found["sha256"], Standing.PROPOSED, act))

    def _decide(self, deed: Deed) -> None:
        version = self.version(deed.subject)
        act = Act(deed.who, deed.role, deed.t, deed.why)
        if deed.action == ROLL_BACK:
            self._put(replace(self.version(deed.old), standing=Standing.WITHDRAWN, decided=act))
        self._put(replace(version, standing=_BECOMES[deed.action], decided=act))
        if deed.action != REJECT:
            self.approved[version.name] = version.number

    def _put(self, version: Version) -> None:
        self.versions[version.name][version.number - 1] = version

    def version(self, use: str) -> Version:
        """The version that is meant: the one of that number, or the approved one of a name.

        Raises
        ------
        NotFoundError
            When there is none; the message says what there is.
        """
        name, number = split(use)
        rows = self.versions.get(name)
        if not rows:
            known = ", ".join(self.versions) or "none yet"
            raise NotFoundError(f"model {name}: the registry has no such model; it has {known}")
        number = number or self.approved.get(name)
        if number is None:
            states = ", ".join(f"{each.number} {each.standing.value}" for each in rows)
            raise NotFoundError(f"model {name}: no version is approved ({states}); twin model approve does")
        if number > len(rows):
            raise NotFoundError(f"model {name}: there is no version {number}; the newest is {len(rows)}")
        return rows[number - 1]


_BECOMES: Final = {
    APPROVE: Standing.APPROVED,
    REJECT: Standing.REJECTED,
    ROLL_BACK: Standing.APPROVED,
}


def split(use: str) -> tuple[str, int | None]:
    """Name and number of a model as it is named.

    Raises
    ------
    InputError
        When it is no name of a model.
    """
    found = USE.fullmatch(use)
    if found is None:
        raise InputError(
            f"model {use!r}: NAME or NAME@VERSION would do, such as growth@3; letters, digits, - and _"
        )
    return found["name"], int(found["number"]) if found["number"] else None


@dataclass(frozen=True, slots=True)
class Rest:
    """A file or run that a model rests on, with the SHA-256 of its values; `part` says for what."""

    part: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What the file of a version says.

    Parameters
    ----------
    sort : Sort
    model : ModelRef
        What this software makes of it.
    values : tuple of (str, float)
        Parameters by name, or the figures of a normal model.
    rests_on : tuple of Rest
        Training files and runs.
    """

    sort: Sort
    model: ModelRef
    values: tuple[tuple[str, float], ...]
    rests_on: tuple[Rest, ...]
