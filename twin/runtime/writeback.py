"""Write-back: the one place from which anything is written to the plant; guarded, and entered in the trail.

A tag that no permit names can not be written. What is asked is entered before it is sent, so that nothing is
sent which could not be entered; what became of it is entered after.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

import orjson

from twin.domain.audit import Deed
from twin.domain.command import Command, CommandRefusedError, Permit
from twin.domain.errors import TwinError
from twin.ports import Actuator, Ledger, LinkChange
from twin.ports.source import unheard
from twin.runtime.links import FALLBACK

SNAPSHOT: Final = "write-back"
LOOK_S: Final = 0.5
"""Time between two looks at what is held [s of the wall]."""
DEAD_MAN: Final = "dead-man"
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""Pauses between two tries to write a fallback [s], doubled from first to longest (chosen defaults)."""


@dataclass(slots=True)
class _Tries:
    """What became of a command so far: what of it is in the trail, and when it may be tried again."""

    asked: bool = False
    error: str = ""
    last_ns: int = 0
    pause_s: float = 0.0

    def wait(self, now_ns: int) -> bool:
        """True while the next try is not due, also when the clock was set back."""
        return abs(now_ns - self.last_ns) < self.pause_s * 1e9

    def fail(self, now_ns: int) -> None:
        """Count a failure."""
        self.last_ns = now_ns
        self.pause_s = min(max(2 * self.pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)


class WriteBack:
    """Guard in front of the actuators.

    Parameters
    ----------
    permits : Mapping[str, Permit]
        By tag id; empty: nothing is ever written.
    actuators : Mapping[str, Actuator]
        By id.
    ledger : Ledger
        Keeps the trail, and what is held, so that a dead-man time goes on over a restart.
    value_of : Callable[[str], float or None]
        Newest good measured value of a tag.
    now_ns : Callable[[], int]
        Wall time [ns since 1970-01-01 UTC].

    Attributes
    ----------
    report : Callable[[LinkChange], None]
        Told of a fallback that can not be written (down) and that is over (up), by tag.
    """

    def __init__(
        self,
        permits: Mapping[str, Permit],
        actuators: Mapping[str, Actuator],
        ledger: Ledger,
        value_of: Callable[[str], float | None],
        now_ns: Callable[[], int],
    ) -> None:
        self.permits, self._actuators = permits, actuators
        self._ledger = ledger
        self._value_of, self._now_ns = value_of, now_ns
        self.report: Callable[[LinkChange], None] = unheard
        self._overdue: dict[str, _Tries] = {}
        self._last_ns: dict[str, int] = {}
        self._turn = asyncio.Lock()
        kept = ledger.load_snapshot(SNAPSHOT)
        held: dict[str, int] = orjson.loads(kept) if kept else {}
        self.held = {tag: until_ns for tag, until_ns in held.items() if tag in permits}

    async def order(self, command: Command) -> str:
        """Write a set point; returns what the other side said.

        Raises
        ------
        CommandRefusedError
            When the guard does not let it pass; entered in the trail too.
        ConnectorError
            When the other side did not take it.
        StorageError
            When it can not be entered; then nothing is sent.
        """
        async with self._turn:
            old = self._shown(command.tag)
            try:
                permit = self._permitted(command)
            except CommandRefusedError as refusal:
                self._enter(command, f"command.refused.{refusal.reason}", old, f"{command.value:g}")
                raise
            said = await self._send(permit, command, old, _Tries())
            if permit.hold_s is not None:
                self.held[command.tag] = self._now_ns() + int(permit.hold_s * 1e9)
                self._save(self.held)
            if self._overdue.pop(command.tag, None):
                self._tell(command.tag, True, f"{command.tag} was given again: {said}")
            return said

    async def watch(self) -> None:
        """Write the fallback of every command that was not given again in time, until cancelled."""
        while True:
            await self.release_due()
            await asyncio.sleep(LOOK_S)

    async def release_due(self) -> None:
        """Write the fallbacks that are due now; what is not taken is tried again after a pause."""
        for tag, until_ns in tuple(self.held.items()):
            if until_ns <= self._now_ns():
                tries = self._overdue.setdefault(tag, _Tries())
                if not tries.wait(self._now_ns()):
                    await self._release(tag, tries)

    async def _release(self, tag: str, tries: _Tries) -> None:
        permit = self.permits[tag]
        assert permit.fallback is not None
        why = f"not given again within {permit.hold_s:g} s"
        command = Command(tag, permit.fallback, DEAD_MAN, "system", "service", why)
        async with self._turn:
            if self.held.get(tag, 2**63) > self._now_ns():
                return
            try:
                said = await self._send(permit, command, self._shown(tag), tries)
                self._save({other: until_ns for other, until_ns in self.held.items() if other != tag})
            except TwinError as error:
                tries.fail(self._now_ns())
                self._tell(tag, False, f"fallback of {tag} could not be written: {error}; it is tried again")
                return
            del self.held[tag], self._overdue[tag]
            self._tell(tag, True, f"fallback of {tag} is written: {said}")

    async def _send(self, permit: Permit, command: Command, old: str, tries: _Tries) -> str:
        """The only call of an actuator; of further tries those are entered that end in another way."""
        new = f"{command.value:g}"
        if not tries.asked:
            self._enter(command, "command.asked", old, new)
            tries.asked = True
        self._last_ns[command.tag] = self._now_ns()
        try:
            said = await self._actuators[permit.actuator].write(command.tag, command.value)
        except TwinError as error:
            if str(error) != tries.error:
                self._enter(command, "command.failed", old, f"{new}: {error}")
                tries.error = str(error)
            raise
        self._enter(command, "command.taken", old, f"{new}: {said}")
        return said

    def _tell(self, tag: str, up: bool, text: str) -> None:
        self.report(LinkChange(tag, up, text, self._now_ns(), code=FALLBACK))

    def _enter(self, c: Command, action: str, old: str, new: str) -> None:
        """Put it into the audit trail; durable when this returns."""
        deed = Deed(self._now_ns(), c.by, c.role, c.origin, action, c.tag, old, new, c.why)
        self._ledger.commit(deeds=[deed])

    def _save(self, held: Mapping[str, int]) -> None:
        self._ledger.save_snapshot(SNAPSHOT, orjson.dumps(held))

    def _shown(self, tag: str) -> str:
        value = self._value_of(tag)
        return "" if value is None else f"{value:g}"

    def _permitted(self, c: Command) -> Permit:
        permit = self.permits.get(c.tag)
        if permit is None:
            may = ", ".join(self.permits) or "none"
            raise CommandRefusedError("off", f"{c.tag} may not be written from here; those that may: {may}")
        if c.role not in permit.roles:
            raise CommandRefusedError(
                "role", f"{c.tag} is written by {', '.join(permit.roles)}, not by {c.role!r}"
            )
        if not c.why.strip():
            raise CommandRefusedError("no_reason", f"{c.tag}: say why; the reason goes into the audit trail")
        self._check_value(c, permit)
        waited_s = (self._now_ns() - self._last_ns.get(c.tag, 0)) / 1e9
        if waited_s < permit.every_s:
            text = f"{c.tag} was written {waited_s:.1f} s ago; at least {permit.every_s:g} s must lie between"
            raise CommandRefusedError("rate", text)
        return permit

    def _check_value(self, c: Command, permit: Permit) -> None:
        if not isfinite(c.value):
            raise CommandRefusedError("not_finite", f"{c.tag}: {c.value} is no number that can be set")
        if not permit.low <= c.value <= permit.high:
            text = f"{c.tag}: {c.value:g} is outside {permit.low:g} to {permit.high:g}"
            raise CommandRefusedError("limits", text)
        if permit.step is None:
            return
        now = self._value_of(c.tag)
        if now is None:
            raise CommandRefusedError(
                "step", f"{c.tag}: its present value is not known, so no step can be judged"
            )
        rounding = 1e-9 * max(abs(c.value), abs(now))
        if abs(c.value - now) > permit.step + rounding:
            text = f"{c.tag}: from {now:g} to {c.value:g} is more than {permit.step:g} at once; go in steps"
            raise CommandRefusedError("step", text)
