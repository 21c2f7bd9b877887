"""A unified namespace: topics by ISA-95 levels and one payload for every value. Pure.

::

    acme/lyon/seed/r101/pv/ph   {"v": 7.02, "q": 192, "t": "2026-11-22T00:00:00.000Z", "u": "1", "src": "plant", "seq": 4}
    sim/acme/lyon/seed/r101/est/ph

Topics are lower case. What is simulated or replayed lies under a top level of its own, so that nobody who
subscribes to the plant ever gets it.
"""  # noqa: E501

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.codecs.iso_time import format_ns
from twin.domain.asset import Line, Origin
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.domain.tag import Tag, TagKind

Sort = Literal["pv", "sp", "lab", "est", "alarm"]
Source = Literal["plant", "sim", "replay", "twin"]

LEVEL: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST_LEVELS: Final = 7
TOP: Final = {Origin.PLANT: "", Origin.SIMULATED: "sim", Origin.REPLAY: "replay"}
"""Top level before the others, by where the data of a line come from."""
_QUALITIES: Final[dict[Quality, Literal[0, 64, 192, 500]]] = {
    Quality.BAD: 0,
    Quality.UNCERTAIN: 64,
    Quality.GOOD: 192,
    Quality.STALE: 500,
}
_SORTS: Final[dict[TagKind, Sort]] = {TagKind.ONLINE: "pv", TagKind.SETPOINT: "sp", TagKind.ASSAY: "lab"}


class Value(BaseModel):
    """One payload.

    Parameters
    ----------
    v : float or None
    q : int
        192 good, 64 uncertain, 0 bad, 500 stale.
    t : str
        Source time, ISO 8601 in UTC.
    u : str
        UCUM code.
    src : str
        ``plant``, ``sim``, ``replay``, or ``twin`` for what is believed.
    seq : int
        Counts the messages of this topic since the service started.
    sd : float or None
        Standard deviation of a belief [u].
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    v: float | None
    q: Literal[0, 64, 192, 500]
    t: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z$")
    u: str
    src: Source
    seq: int = Field(ge=0)
    sd: float | None = Field(default=None, ge=0)


def level(name: str) -> str:
    """A name as one level: lower case, other signs as ``-``."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:64]


class Namespace:
    """Topics of a line.

    Parameters
    ----------
    line : Line
    levels : sequence of str
        Enterprise, site, area: at most three.

    Raises
    ------
    ValueError
        When a level can not be one, or two tags would share a topic.
    """

    def __init__(self, line: Line, levels: Sequence[str]) -> None:
        self._top = [TOP[line.origin], *levels] if TOP[line.origin] else list(levels)
        self.source: Source = "plant" if line.origin is Origin.PLANT else _word(line.origin)
        self.units = {tag.id: tag.unit for tag in line.tags()}
        self._topics = {tag.id: self._of_tag(tag) for tag in line.tags()}
        self._vessels = {vessel.id for vessel in line.vessels}
        self._check(self._topics)

    def measured(self, row: Measurement, seq: int) -> tuple[str, Value]:
        """Topic and payload of a measurement."""
        topic = self._topics[row.tag]
        value = Value(
            v=row.value, q=_QUALITIES[row.quality], t=format_ns(row.time_ns), u=self.units[row.tag],
            src=self.source, seq=seq,
        )  # fmt: skip
        return topic, value

    def believed(self, row: Estimate, seq: int) -> tuple[str, Value]:
        """Topic and payload of a belief of the twin."""
        asset, _, name = row.name.partition(".")
        value = Value(v=row.mean, q=192, t=format_ns(row.time_ns), u=row.unit, src="twin", seq=seq, sd=row.sd)
        return self._topic(asset, "est", name), value

    def standing(self, asset: str, kind: str, count: int, time_ns: int, seq: int) -> tuple[str, Value]:
        """Topic and payload of how many alarms of a kind stand."""
        value = Value(v=float(count), q=192, t=format_ns(time_ns), u="1", src="twin", seq=seq)
        return self._topic(asset, "alarm", kind), value

    def _of_tag(self, tag: Tag) -> str:
        return self._topic(tag.asset, _SORTS[tag.kind], tag.name.removesuffix("_sp"))

    def _topic(self, asset: str, sort: Sort, name: str) -> str:
        return "/".join((*self._top, level(asset), sort, level(name)))

    def _check(self, topics: dict[str, str]) -> None:
        owners: dict[str, str] = {}
        for tag, topic in topics.items():
            if (wrong := fault(topic)) is not None:
                raise ValueError(f"{tag} would have the topic {topic!r}: {wrong}")
            if topic in owners:
                raise ValueError(f"{tag} and {owners[topic]} would share the topic {topic!r}; rename one")
            owners[topic] = tag


def fault(topic: str) -> str | None:
    """What is wrong with a topic, or None."""
    parts = topic.split("/")
    if len(parts) > MOST_LEVELS:
        return f"{len(parts)} levels; at most {MOST_LEVELS}"
    bad = next((part for part in parts if LEVEL.fullmatch(part) is None), None)
    return None if bad is None else f"{bad!r} is no level of a-z, 0-9, _ and -"


def plant_topics(topics: Iterable[str]) -> list[str]:
    """Those that lie under the plant."""
    return [topic for topic in topics if topic.split("/")[0] not in TOP.values()]


def _word(origin: Origin) -> Source:
    return "sim" if origin is Origin.SIMULATED else "replay"
