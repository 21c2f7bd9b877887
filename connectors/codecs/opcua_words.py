"""How an OPC UA source says what it is connected to, and what of it is missing. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_NODES: Final = re.compile(r"^connected to .+?: (\d+) of (\d+) nodes")
_NOT_BELIEVED: Final = "; not believed: "


def connected(url: str, wanted: int, missing: Mapping[str, str], unit_faults: Iterable[str]) -> str:
    """A session in words.

    Parameters
    ----------
    url : str
    wanted : int
        Nodes that were asked for.
    missing : mapping
        The server's reason by tag, of those it refused.
    unit_faults : iterable of str
        What is wrong with the units of those whose values are not believed.
    """
    text = f"connected to {url}: {wanted - len(missing)} of {wanted} nodes"
    if missing:
        text += "; refused: " + listed(f"{tag} ({why})" for tag, why in missing.items())
    faults = list(unit_faults)
    return text + (_NOT_BELIEVED + listed(faults) if faults else "")


def nodes_lacking(text: str) -> bool:
    """True when the words of a link say that not every node is there and believed."""
    found = _NODES.match(text)
    return found is not None and (found[1] != found[2] or _NOT_BELIEVED in text)


def listed(items: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    all_items = list(items)
    more = f" and {len(all_items) - most} more" if len(all_items) > most else ""
    return ", ".join(all_items[:most]) + more
