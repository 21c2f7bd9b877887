"""Whether anything still comes of a vessel: a belief that no value supports is not asked."""

from twin.domain.errors import NotFoundError
from twin.domain.instant import iso
from twin.engine.vessel import VesselEngine


def silent_since(vessel: VesselEngine) -> int | None:
    """When a vessel was last heard [ns since 1970-01-01 UTC], once every one of its signals is found silent.

    None while one speaks, or where a vessel has laboratory values alone.
    """
    watches = [watch.silence for watch in vessel.checks.signals.values()]
    if not watches or not all(watch.condition.open for watch in watches):
        return None
    return max(watch.heard or 0 for watch in watches)


def check_heard(vessel: VesselEngine) -> None:
    """Refuse a question about what is to come while nothing comes of a vessel.

    Raises
    ------
    NotFoundError
        When all its signals are silent; it says since when.
    """
    since_ns = silent_since(vessel)
    if since_ns is not None:
        raise NotFoundError(
            f"Nothing comes of {vessel.vessel.id} since {iso(since_ns)}: all its signals are silent, so what "
            "is to come can not be said. It can again when values come; Diagnostics shows the links."
        )
