"""What people bring in by hand: laboratory values and calibrations."""

import asyncio
from math import isfinite

from twin.alarms.words import written
from twin.domain.asset import Line
from twin.domain.errors import InputError, NotFoundError
from twin.domain.event import Event, Kind, Stage
from twin.domain.measurement import Quality, Reading
from twin.domain.people import Actor
from twin.domain.tag import Tag, TagKind
from twin.ports import Delivery
from twin.runtime.channel import Channel
from twin.runtime.pipeline import Pipeline, deed

SOURCE = "hand"
"""Source of readings that a person wrote."""


class Hand:
    """Takes values from people along the same way as from any wire.

    Parameters
    ----------
    line : Line
    pipeline : Pipeline
    channel : Channel of Delivery
        The way in.
    """

    def __init__(self, line: Line, pipeline: Pipeline, channel: Channel[Delivery]) -> None:
        self._tags = {tag.id: tag for tag in line.tags()}
        self._pipeline, self._channel = pipeline, channel

    async def reference(self, tag: str, value: float, drawn_ns: int | None, by: Actor, why: str) -> str:
        """Take a laboratory's value for a tag; returns the tag it is stored under.

        Raises
        ------
        NotFoundError
            The vessel has no laboratory tag for it.
        InputError
            The value or the time can not be true, or another value is stored for that time.
        """
        lab = self._laboratory(tag)
        now_ns = self._pipeline.clock.now_ns()
        drawn_ns = now_ns if drawn_ns is None else drawn_ns
        if not isfinite(value) or not lab.low <= value <= lab.high:
            unit = f" {written(lab.unit, 'en')}".rstrip()
            would_do = f"{lab.low:g} to {lab.high:g}{unit} would do"
            raise InputError(f"{value:g} is outside the range of {lab.id}; {would_do}")
        if drawn_ns > now_ns:
            raise InputError("the sample was drawn in the future; the line's clock decides")
        done = deed(by, "sample.enter", lab.id, "", f"{value:g} {lab.unit}", why)
        reading = Reading(SOURCE, lab.id, value, Quality.GOOD, drawn_ns, now_ns)
        event = Event(
            now_ns, Kind.SAMPLE, lab.asset, Stage.CONFIRMED, f"{lab.id}/sample/{drawn_ns}", tag=lab.id,
            since=drawn_ns, size=value, unit=lab.unit, detail={"by": by.name, "why": why},
        )  # fmt: skip
        if await self._pipeline.historian.read([lab.id], drawn_ns, drawn_ns + 1):
            raise InputError(f"{lab.id} has a value for that time; give the time the sample was drawn")
        durable = asyncio.Event()
        await self._channel.put(Delivery((reading,), ack=durable.set))
        await durable.wait()
        await self._pipeline.enter([event], [done])
        return lab.id

    async def calibrated(self, tag: str, by: Actor, why: str) -> None:
        """Keep that an instrument was calibrated now.

        Raises
        ------
        NotFoundError
            There is no such tag.
        """
        known = self._known(tag)
        now_ns = self._pipeline.clock.now_ns()
        event = Event(
            now_ns, Kind.CALIBRATION, known.asset, Stage.CONFIRMED, f"{known.id}/calibration/{now_ns}",
            tag=known.id, detail={"by": by.name, "why": why, "instrument": known.instrument},
        )  # fmt: skip
        await self._pipeline.enter([event], [deed(by, "instrument.calibrate", known.id, "", "", why)])

    def _known(self, tag: str) -> Tag:
        if tag not in self._tags:
            raise NotFoundError(f"nothing on this line is called {tag!r}")
        return self._tags[tag]

    def _laboratory(self, tag: str) -> Tag:
        known = self._known(tag)
        if known.kind is TagKind.ASSAY:
            return known
        lab = self._tags.get(f"{known.id}_lab")
        if lab is None or lab.kind is not TagKind.ASSAY:
            needed = f"the line would need {known.name}_lab, kind assay"
            raise NotFoundError(f"{tag} has no laboratory tag; {needed}")
        return lab
