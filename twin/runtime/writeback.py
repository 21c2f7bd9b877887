"""Write-back: the one place from which anything is written to the plant; guarded, and entered in the trail.

A tag that no permit names can not be written. What is asked is entered before it is sent, so that nothing is
sent which could not be entered; what became of it is entered after.
"""

import asyncio
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

import orjson
import structlog

from twin.domain.audit import Deed
from twin.domain.command import Command, CommandRefusedError, Permit
from twin.domain.errors import TwinError
from twin.ports import Actuator, Ledger

SNAPSHOT: Final = "write-back"
LOOK_S: Final = 0.5
"""Time between two looks at what is held [s of the wall]."""
DEAD_MAN: Final = "dead-man"

log = structlog.get_logger("write-back")


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
            said = await self._send(permit, command, old)
            if permit.hold_s is not None:
                self._hold(command.tag, self._now_ns() + int(permit.hold_s * 1e9))
            return said

    async def watch(self) -> None:
        """Write the fallback of every command that was not given again in time, until cancelled."""
        while True:
            await self.release_due()
            await asyncio.sleep(LOOK_S)

    async def release_due(self) -> None:
        """Write the fallbacks that are due now; what is not taken is tried again at the next look."""
        due = [tag for tag, until_ns in self.held.items() if until_ns <= self._now_ns()]
        for tag in due:
            permit = self.permits[tag]
            assert permit.fallback is not None
            why = f"not given again within {permit.hold_s:g} s"
            command = Command(tag, permit.fallback, DEAD_MAN, "system", "service", why)
            async with self._turn:
                if self.held.get(tag, 2**63) > self._now_ns():
                    continue
                try:
                    await self._send(permit, command, self._shown(tag))
                except TwinError as error:
                    log.error("fallback not written", tag=tag, error=str(error))
                    continue
                self._hold(tag, None)

    async def _send(self, permit: Permit, command: Command, old: str) -> str:
        """The only call of an actuator."""
        new = f"{command.value:g}"
        self._enter(command, "command.asked", old, new)
        self._last_ns[command.tag] = self._now_ns()
        try:
            said = await self._actuators[permit.actuator].write(command.tag, command.value)
        except TwinError as error:
            self._enter(command, "command.failed", old, f"{new}: {error}")
            raise
        self._enter(command, "command.taken", old, f"{new}: {said}")
        return said

    def _enter(self, c: Command, action: str, old: str, new: str) -> None:
        """Put it into the audit trail; durable when this returns."""
        deed = Deed(self._now_ns(), c.by, c.role, c.origin, action, c.tag, old, new, c.why)
        self._ledger.commit(deeds=[deed])

    def _hold(self, tag: str, until_ns: int | None) -> None:
        if until_ns is None:
            self.held.pop(tag, None)
        else:
            self.held[tag] = until_ns
        self._ledger.save_snapshot(SNAPSHOT, orjson.dumps(self.held))

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
