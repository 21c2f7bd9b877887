"""What people do about models: propose, approve, reject, roll back; each act an entry of the audit trail."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from twin.domain.asset import Line
from twin.domain.audit import Deed
from twin.domain.errors import ConfigError, InputError, NotAllowedError
from twin.domain.people import Actor, Permission
from twin.domain.registry import (
    APPROVE,
    IN_USE,
    NAME,
    PROPOSE,
    REJECT,
    ROLL_BACK,
    Contents,
    Registry,
    Sort,
    Standing,
    Version,
    content,
)
from twin.ports import Ledger
from twin.service.registry.files import ModelFiles

AT_ONCE: Final = 1000
SERVICE: Final = "service"
OPEN: Final = (Standing.PROPOSED, Standing.APPROVED)
"""A file that stands so is not proposed a second time."""


class ModelBook:
    """`twin.ports.Models` over the ledger and a folder of files.

    Parameters
    ----------
    ledger : Ledger
    files : ModelFiles
    two_persons : bool
        Whoever proposed a version does not approve it.
    now_ns : Callable[[], int]
        Wall time [ns since 1970-01-01 UTC].
    """

    def __init__(
        self, ledger: Ledger, files: ModelFiles, two_persons: bool, now_ns: Callable[[], int]
    ) -> None:
        self.two_persons = two_persons
        self._ledger, self._files, self._now_ns = ledger, files, now_ns
        self._registry, self._read = Registry(), 0

    def registry(self) -> Registry:
        """Every version, as the trail tells it by now."""
        while entries := self._ledger.trail(self._read, AT_ONCE):
            self._registry.take(entry.deed for entry in entries)
            self._read = entries[-1].number
        return self._registry

    async def contents(self, use: str) -> Contents:
        """What the file of a version says.

        Raises
        ------
        NotFoundError
            When there is no such version.
        InputError
            When its file is missing or was changed.
        """
        return await self._opened(self.registry().version(use))

    async def propose(self, name: str, sha256: str, why: str, by: Actor) -> Version:
        """Make the next version of a name from a file that lies in the folder of models.

        Raises
        ------
        NotAllowedError
            When the role does not permit it.
        InputError
            When name, file or reason will not do.
        """
        _check(by, Permission.ENGINEER, why)
        if not NAME.fullmatch(name):
            raise InputError(f"model {name[:80]!r}: letters, digits, - and _ would do, up to 64")
        rows = self.registry().versions.get(name, [])
        try:
            contents = await asyncio.to_thread(self._files.find, sha256)
        except ConfigError as error:
            raise InputError(str(error)) from error
        if rows and rows[0].sort is not contents.sort:
            raise InputError(f"model {name}: holds {rows[0].sort.value} models; give this one another name")
        same = next((v for v in rows if v.sha256 == sha256 and v.standing in OPEN), None)
        if same is not None:
            raise InputError(f"model {name}: this file is version {same.number} already ({same.standing})")
        subject = f"{name}@{len(rows) + 1}"
        self._enter(by, PROPOSE, subject, "", content(contents.sort, contents.model, sha256), why)
        return self.registry().version(subject)

    async def approve(self, use: str, why: str, by: Actor) -> Version:
        """Approve a proposed version: a name alone means it from now on, at the next start of the service.

        Raises
        ------
        NotAllowedError
            When the role does not permit it, a program asks, or the same person proposed it.
        InputError
            When it is not proposed, its file will not do, or no reason is given.
        NotFoundError
            When there is no such version.
        """
        return await self._decide(APPROVE, use, why, by)

    async def reject(self, use: str, why: str, by: Actor) -> Version:
        """Reject a proposed version; raises as `approve` does, whoever proposed it."""
        return await self._decide(REJECT, use, why, by)

    async def _decide(self, action: str, use: str, why: str, by: Actor) -> Version:
        _check(by, Permission.APPROVE, why)
        version = self.registry().version(use)
        if version.standing is not Standing.PROPOSED:
            raise InputError(f"model {version.id} is {version.standing}; only a proposed one is decided")
        if action == APPROVE:
            if self.two_persons and version.proposed.who == by.name:
                raise NotAllowedError(
                    f"model {version.id} was proposed by {by.name}; somebody else approves it "
                    "(models.two_persons of the line file)"
                )
            await self._opened(version)
        new = f"{Standing.APPROVED if action == APPROVE else Standing.REJECTED} sha256:{version.sha256}"
        self._enter(by, action, version.id, version.standing.value, new, why)
        return self.registry().version(version.id)

    async def roll_back(self, use: str, why: str, by: Actor) -> Version:
        """Let a name mean an earlier approved version again; the one it meant is withdrawn.

        Raises
        ------
        NotAllowedError
            When the role does not permit it, or a program asks.
        InputError
            When that version is not approved, is meant already, or its file will not do.
        NotFoundError
            When there is no such version.
        """
        _check(by, Permission.APPROVE, why)
        registry = self.registry()
        version = registry.version(use)
        present = registry.approved.get(version.name)
        if version.standing is not Standing.APPROVED or version.number == present:
            state = "in force already" if version.number == present else version.standing.value
            others = ", ".join(
                str(v.number)
                for v in registry.versions[version.name]
                if v.standing is Standing.APPROVED and v.number != present
            )
            raise InputError(f"model {version.id} is {state}; approved besides: {others or 'none'}")
        await self._opened(version)
        new = f"{Standing.APPROVED} sha256:{version.sha256}"
        self._enter(by, ROLL_BACK, version.id, f"{version.name}@{present}", new, why)
        return self.registry().version(version.id)

    def note_use(self, line: Line, sources: Iterable[tuple[str, str]] = ()) -> None:
        """Enter in the trail which versions the service has taken, where they changed.

        Parameters
        ----------
        line : Line
        sources : iterable of (str, str)
            Sources with the model of spectra that each has taken; empty for none.
        """
        used = self.registry().in_use
        taken = {
            f"{v.id}/{sort}": use
            for v in line.vessels
            for sort, use in ((Sort.PROCESS, v.process_model), (Sort.NORMAL, v.normal_model))
        }
        taken |= {f"{name}/{Sort.SPECTRA}": use for name, use in sources}
        changed = [(place, now) for place, now in taken.items() if used.get(place, "") != now]
        at_ns = self._now_ns()
        deeds = [
            Deed(at_ns, SERVICE, "", "line file", IN_USE, place, used.get(place, ""), now)
            for place, now in changed
        ]
        if deeds:
            self._ledger.commit(deeds=deeds)

    async def _opened(self, version: Version) -> Contents:
        try:
            return (await asyncio.to_thread(self._files.open, version))[1]
        except ConfigError as error:
            raise InputError(str(error)) from error

    def _enter(self, by: Actor, action: str, subject: str, old: str, new: str, why: str) -> None:
        deed = Deed(self._now_ns(), by.name, by.role.value, by.origin, action, subject, old, new, why.strip())
        self._ledger.commit(deeds=[deed])


def _check(by: Actor, needed: Permission, why: str) -> None:
    if not by.may(needed):
        raise NotAllowedError(f"The role {by.role.value} does not permit this; it needs {needed.value}.")
    if needed is Permission.APPROVE and by.program:
        raise NotAllowedError(f"{by.name} is a program; a person decides on models.")
    if not why.strip():
        raise InputError("Say why; the reason goes into the audit trail.")
