"""The states of an alarm after ISA-18.2 / IEC 62682: one table, from which the picture is drawn too."""

from collections.abc import Iterator
from typing import Final

from twin.domain.alarm import AlarmState, Trigger

_S, _T = AlarmState, Trigger

TRANSITIONS: Final[dict[tuple[AlarmState, Trigger], tuple[AlarmState, AlarmState]]] = {
    (_S.NORMAL, _T.RAISE): (_S.UNACK, _S.UNACK),
    (_S.NORMAL, _T.SHELVE): (_S.SHELVED, _S.SHELVED),
    (_S.NORMAL, _T.SUPPRESS): (_S.SUPPRESSED, _S.SUPPRESSED),
    (_S.NORMAL, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.UNACK, _T.ACKNOWLEDGE): (_S.ACKED, _S.ACKED),
    (_S.UNACK, _T.CLEAR): (_S.RTN_UNACK, _S.RTN_UNACK),
    (_S.UNACK, _T.LATCH): (_S.LATCHED_UNACK, _S.LATCHED_UNACK),
    (_S.UNACK, _T.SHELVE): (_S.SHELVED, _S.SHELVED),
    (_S.UNACK, _T.SUPPRESS): (_S.SUPPRESSED, _S.SUPPRESSED),
    (_S.UNACK, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.ACKED, _T.CLEAR): (_S.NORMAL, _S.NORMAL),
    (_S.ACKED, _T.LATCH): (_S.LATCHED_ACKED, _S.LATCHED_ACKED),
    (_S.ACKED, _T.SHELVE): (_S.SHELVED, _S.SHELVED),
    (_S.ACKED, _T.SUPPRESS): (_S.SUPPRESSED, _S.SUPPRESSED),
    (_S.ACKED, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.RTN_UNACK, _T.RAISE): (_S.UNACK, _S.UNACK),
    (_S.RTN_UNACK, _T.ACKNOWLEDGE): (_S.NORMAL, _S.NORMAL),
    (_S.RTN_UNACK, _T.SHELVE): (_S.SHELVED, _S.SHELVED),
    (_S.RTN_UNACK, _T.SUPPRESS): (_S.SUPPRESSED, _S.SUPPRESSED),
    (_S.RTN_UNACK, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.LATCHED_UNACK, _T.RAISE): (_S.UNACK, _S.UNACK),
    (_S.LATCHED_UNACK, _T.ACKNOWLEDGE): (_S.LATCHED_ACKED, _S.LATCHED_ACKED),
    (_S.LATCHED_UNACK, _T.RESET): (_S.RTN_UNACK, _S.RTN_UNACK),
    (_S.LATCHED_UNACK, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.LATCHED_ACKED, _T.RAISE): (_S.UNACK, _S.UNACK),
    (_S.LATCHED_ACKED, _T.RESET): (_S.NORMAL, _S.NORMAL),
    (_S.LATCHED_ACKED, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.SHELVED, _T.UNSHELVE): (_S.UNACK, _S.NORMAL),
    (_S.SHELVED, _T.EXPIRE): (_S.UNACK, _S.NORMAL),
    (_S.SHELVED, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.SUPPRESSED, _T.UNSUPPRESS): (_S.UNACK, _S.NORMAL),
    (_S.SUPPRESSED, _T.REMOVE): (_S.OUT_OF_SERVICE, _S.OUT_OF_SERVICE),
    (_S.OUT_OF_SERVICE, _T.RETURN): (_S.UNACK, _S.NORMAL),
}
"""Where each trigger leads: while the condition stands, and when it is gone.

What is not listed changes nothing.
"""

ASIDE: Final = frozenset({_S.SHELVED, _S.SUPPRESSED, _S.OUT_OF_SERVICE})
"""States in which an alarm calls for nobody."""


def after(state: AlarmState, trigger: Trigger, active: bool) -> AlarmState:
    """The state that follows; the same when the trigger means nothing here."""
    standing, gone = TRANSITIONS.get((state, trigger), (state, state))
    return standing if active else gone


def drawn() -> str:
    """The table as a Mermaid state diagram."""
    return "\n".join(["stateDiagram-v2", "    [*] --> normal", *_arrows()]) + "\n"


def _arrows() -> Iterator[str]:
    """One arrow for each pair of states, with everything that leads along it."""
    labels: dict[tuple[AlarmState, AlarmState], list[str]] = {}
    for (state, trigger), (standing, gone) in TRANSITIONS.items():
        if standing is gone:
            labels.setdefault((state, gone), []).append(trigger.value)
            continue
        labels.setdefault((state, standing), []).append(f"{trigger.value} (stands)")
        labels.setdefault((state, gone), []).append(f"{trigger.value} (gone)")
    for (old, new), triggers in labels.items():
        yield f"    {old.value} --> {new.value}: {', '.join(triggers)}"
