"""The words of the house as JSON: ISO 8601 times, plain names, nothing computed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from twin.domain import instant
from twin.domain.alarm import ALARMING, Alarm, Move, priority, response
from twin.domain.asset import Vessel
from twin.domain.event import Event
from twin.domain.forecast import Exit, Forecast
from twin.domain.measurement import Estimate, Measurement
from twin.domain.playback import PlayState
from twin.domain.sampling import NextSample
from twin.domain.spread import Spread
from twin.domain.tag import Tag
from twin.domain.trust import SelfReport
from twin.domain.whatif import Answer, Knob
from twin.ports import Counters, LinkState, Trend, Update, View

Json: TypeAlias = dict[str, Any]

LANGUAGES = ("en", "fr")


def iso(time_ns: int | None) -> str | None:
    """ISO 8601 in UTC with milliseconds; None stays None."""
    return None if time_ns is None else instant.iso(time_ns)


def line(view: View) -> Json:
    """Vessels, tags, origin of the data; while the service runs only the ends of batches change."""
    ends = view.ends()
    return {
        "id": view.line.id,
        "title": dict(view.line.title),
        "site": view.line.site,
        "origin": view.line.origin.value,
        "speed": view.clock.speed,
        "now": iso(view.clock.now_ns()),
        "languages": list(LANGUAGES),
        "vessels": [vessel(each, ends.get(each.id)) for each in view.line.vessels],
    }


def vessel(each: Vessel, ended_ns: int | None = None) -> Json:
    """One vessel with its batch and tags."""
    batch = each.batch
    return {
        "id": each.id,
        "name": dict(each.name),
        "process": each.process,
        "form": each.form.value,
        "feeds": list(each.feeds),
        "batch": batch
        and {
            "id": batch.id,
            "start": iso(batch.start_ns),
            "volume_l": batch.volume_l,
            "hours": batch.duration_h,
            "ended": iso(ended_ns),
        },
        "tags": [tag(item) for item in each.tags],
    }


def tag(each: Tag) -> Json:
    """One tag with unit, range and limits."""
    return {
        "id": each.id,
        "asset": each.asset,
        "name": each.name,
        "quantity": each.quantity,
        "unit": each.unit,
        "low": each.low,
        "high": each.high,
        "accuracy": each.accuracy,
        "period_s": each.period_s,
        "silence_s": each.silence_s,
        "on_delay_s": each.on_delay_s,
        "instrument": each.instrument,
        "kind": each.kind.value,
        "limits": asdict(each.limits),
    }


def snapshot(view: View) -> Json:
    """Newest value and estimate of everything, the standing alarms, and stores that take nothing."""
    return {**newest(view.latest()), "alarms": alarms(view.alarms()), "stores": dict(view.holding())}


def measurement(each: Measurement) -> Json:
    """A value with its quality and age."""
    return {"t": iso(each.time_ns), "value": each.value, "quality": each.quality.name.lower()}


def estimate(each: Estimate) -> Json:
    """A belief of the twin."""
    return {"t": iso(each.time_ns), "mean": each.mean, "sd": each.sd, "unit": each.unit}


def event(number: int | None, each: Event) -> Json:
    """An event, with its running number when it has one."""
    return {
        "number": number,
        "id": each.id,
        "t": iso(each.t),
        "kind": each.kind.value,
        "asset": each.asset,
        "stage": each.stage.value,
        "priority": priority(each).value if each.kind in ALARMING else None,
        "condition": each.condition,
        "tag": each.tag,
        "verdict": each.verdict and each.verdict.value,
        "since": iso(each.since),
        "size": each.size,
        "unit": each.unit,
        "confidence": each.confidence,
        "causes": [asdict(cause) for cause in each.causes],
        "evidence": list(each.evidence),
        "model": each.model and asdict(each.model),
        "detail": dict(each.detail),
    }


def alarm(each: Alarm) -> Json:
    """A standing alarm with the newest event of its condition."""
    return {
        "id": each.id,
        "state": each.state.value,
        "priority": each.priority.value,
        "raised": iso(each.raised_ns),
        "changed": iso(each.changed_ns),
        "by": each.by,
        "active": each.active,
        "until": iso(each.until_ns),
        "why": each.why,
        "part_of": each.part_of,
        "respond_min": response(each.event).minutes,
        "event": event(None, each.event),
    }


def alarms(rows: Iterable[Alarm]) -> list[Json]:
    """Every standing alarm."""
    return [alarm(each) for each in rows]


def move(each: Move) -> Json:
    """A change of an alarm's state."""
    return {
        "t": iso(each.t),
        "alarm": each.alarm,
        "old": each.old.value,
        "new": each.new.value,
        "priority": each.priority.value,
        "active": each.active,
        "by": each.by,
        "why": each.why,
    }


def events(rows: Iterable[tuple[int, Event]]) -> list[Json]:
    """Events with their running numbers."""
    return [event(number, each) for number, each in rows]


def newest(update: Update) -> Json:
    """Newest measurements and estimates by name."""
    return {
        "now": iso(update.now_ns),
        "tags": {each.tag: measurement(each) for each in update.measurements},
        "twin": {each.name: estimate(each) for each in update.estimates},
    }


def trend(name: str, parts: tuple[Trend, Trend, Trend]) -> Json:
    """Measured values, and the twin's mean with its standard deviation; times in seconds since 1970."""
    measured, mean, sd = parts
    return {
        "name": name,
        "measured": {
            "t": [time / 1e9 for time in measured.times_ns],
            "value": list(measured.values),
            "quality": list(measured.qualities),
        },
        "twin": {
            "t": [time / 1e9 for time in mean.times_ns],
            "mean": list(mean.values),
            "sd": list(sd.values),
        },
    }


def spread(name: str, each: Spread) -> Json:
    """A histogram with its figures, and the quality over the time; times in seconds since 1970."""
    return {
        "name": name,
        "start": each.start_ns / 1e9,
        "end": each.end_ns / 1e9,
        "count": each.count,
        "histogram": {"low": each.low, "width": each.width, "counts": list(each.counts)},
        "figures": dict(each.figures),
        "seconds": {quality.name.lower(): seconds for quality, seconds in each.seconds.items()},
        "stretches": [
            {"start": s.start_ns / 1e9, "end": s.end_ns / 1e9, "quality": s.quality.name.lower()}
            for s in each.stretches
        ],
    }


def forecast(each: Forecast, whole: bool) -> Json:
    """What is to come of one vessel; `whole` with every band, times in seconds since 1970."""
    end = each.harvest
    found: Json = {
        "asset": each.asset,
        "made": iso(each.made_ns),
        "until": iso(each.times_ns[-1]),
        "model": asdict(each.model),
        "exits": [_exit(found) for found in each.exits],
        "harvest": end
        and {
            "early": iso(end.early_ns),
            "at": iso(end.at_ns),
            "late": iso(end.late_ns),
            "reason": end.reason,
            "titre": list(end.titre),
            "unit": end.unit,
        },
    }
    if whole:
        found["t"] = [time / 1e9 for time in each.times_ns]
        found["bands"] = {
            o.name: {"unit": o.unit, "low": o.low, "middle": o.middle, "high": o.high} for o in each.outlooks
        }
    return found


def playback(each: PlayState) -> Json:
    """Where a playback stands."""
    return {
        "run": each.run,
        "start": iso(each.start_ns),
        "end": iso(each.end_ns),
        "ready": iso(each.ready_ns),
        "now": iso(each.now_ns),
        "speed": each.speed,
        "playing": each.playing,
        "epoch": each.epoch,
        "hindsight": each.hindsight,
        "models": {asset: asdict(model) for asset, model in each.models},
        "line_sha256": each.line_sha256,
        "kept": each.kept,
        "filled": each.filled,
        "marks": [{"t": iso(mark.t), "sort": mark.sort, "about": mark.about} for mark in each.marks],
    }


def knob(each: Knob) -> Json:
    """What a scenario may change."""
    return asdict(each)


def answer(each: Answer) -> Json:
    """The run as it is and every scenario, each with its bands."""
    scenarios = [{"name": name, **forecast(found, whole=True)} for name, found in each.scenarios.items()]
    return {"base": forecast(each.base, whole=True), "scenarios": scenarios}


def twin(each: SelfReport) -> Json:
    """How one twin is; `since` is null until its trust first changes."""
    return {
        "asset": each.asset,
        "t": iso(each.t),
        "trust": each.trust.value,
        "since": iso(each.since_ns) if each.since_ns else None,
        "reasons": list(each.reasons),
        "nis": {"value": each.nis, "low": each.nis_low, "high": each.nis_high, "inside": each.inside},
        "correlation": each.correlation,
        "quantities": {seen.name: seen.share for seen in each.quantities},
        "faults": {seen.name: seen.share for seen in each.faults},
        "silent": list(each.silent),
        "resets": each.resets,
        "model": asdict(each.model),
    }


def next_sample(each: NextSample) -> Json:
    """One assay at one time, and what it takes of the doubt."""
    return {
        "tag": each.tag,
        "in_h": each.in_h,
        "drawn": iso(each.drawn_ns),
        "known": iso(each.known_ns),
        "worth": each.worth,
        "doubts": [asdict(doubt) for doubt in each.doubts],
        "faults": {seen.name: seen.share for seen in each.faults},
    }


def _exit(each: Exit) -> Json:
    """When the true value of a tag leaves its limits."""
    times = {"likely": iso(each.likely_ns), "sure": iso(each.sure_ns)}
    return {"tag": each.tag, "low": each.low, "high": each.high, "probability": each.probability, **times}


def counters(each: Counters) -> Json:
    """The conservation law, side by side, and whether it closes."""
    return {**_plain(asdict(each)), "holds": each.holds}


def _plain(values: Mapping[str, Any]) -> Json:
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}


def link(each: LinkState) -> Json:
    """The state of one connection."""
    return {
        "source": each.source,
        "up": each.up,
        "text": each.text,
        "since": iso(each.since_ns),
        "received": each.received,
        "gaps": each.gaps,
        "skew_s": each.skew_s,
    }
