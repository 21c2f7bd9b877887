"""Set points by Sparkplug DCMD: each metric that can be taken is; the others are noted and ignored."""

import contextlib
from collections.abc import Mapping
from typing import Final

from simulators.sparkplug_bytes import command_metrics
from simulators.wires_commands import Commands, Reason, Refused

WIRE: Final = "sparkplug"


def obey(commands: Commands, device: str, aliases: Mapping[str, int], data: bytes) -> None:
    """Carry out a DCMD.

    Parameters
    ----------
    commands : Commands
    device : str
        Device of the topic, which is the vessel.
    aliases : Mapping[str, int]
        Alias of each tag id of the edge node.
    data : bytes
        The payload. A metric with neither a name nor an alias of this device is refused; where both
        are given, they must agree.
    """
    try:
        metrics = command_metrics(data)
    except ValueError:
        commands.refused(device, data[:20], WIRE, Reason.UNREADABLE)
        return
    names = {number: tag for tag, number in aliases.items() if tag.partition(".")[0] == device}
    for metric in metrics:
        named = f"{device}.{metric.name}" if metric.name else ""
        by_alias = "" if metric.alias is None else names.get(metric.alias, f"{device}.alias {metric.alias}")
        with contextlib.suppress(Refused):  # noted in the log by then
            if (named and by_alias and named != by_alias) or (named or by_alias) not in aliases:
                raise commands.refused(named or by_alias or device, metric.value, WIRE, Reason.UNKNOWN)
            commands.set_point(named or by_alias, metric.value, WIRE)
