"""One batch of a campaign: the simulated plant's readings through the service's TagBook and Engine.

The engine is built from the line alone. What was declared wrong in the batch, and the true values,
are looked at after the engine has said its last word.
"""

import math
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulators.parameters import PARAMETERS
from simulators.plant import Plant, PlantBatch
from simulators.simulate import FILE_START
from simulators.workers import end_with_parent
from twin.domain.asset import Line, Vessel
from twin.domain.batch import Batch
from twin.domain.errors import ModelError
from twin.domain.event import Event
from twin.domain.measurement import GOOD, Estimate, Measurement, Quality, Quarantined, Reading
from twin.domain.tag import TagKind
from twin.domain.trust import SelfReport
from twin.engine.core import Engine, Outputs
from twin.engine.lanes import side_by_side
from twin.engine.tagbook import TagBook
from twin.service.campaign import FOUR_PROBES, VESSEL, BaseSection, Campaign, Plan, scenario_of
from twin.service.campaign_fit import scored_line
from twin.service.line import LineFile
from twin.service.model import model_of
from twin.service.replay import WINDOW
from twin.service.sensors import Band, band, stem

T = TypeVar("T")
HOUR: Final = 3_600_000_000_000
_WORDS: Final = {word.value: word for word in Quality}
START_NS: Final = int(FILE_START.timestamp()) * 1_000_000_000
"""When the wires of every batch open [ns since 1970-01-01 UTC]."""
CHUNK_H: Final = 6.0
BESIDE: Final = 24
"""Batches that one process follows at a time (chosen default)."""
FIRST_H: Final = 2.0
"""Beliefs are compared with the truth from here on [h]: the twin's own warm-up."""
GONE: Final = 0.1
"""Glucose counts as run out below this [g/L] (chosen default)."""
COMPARED: Final = ("VCD", "viability", "glucose", "lactate", "ammonia", "titre", "OUR", "kLa")
"""Quantities that the score counts, by the name of their true value; the first six are assayed too."""
INTERVAL_H: Final = 24.0
"""Between two samples, where a batch has not two [h] (chosen default)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch brought forth: the engine's events, and what the scorer needs of the truth.

    Parameters
    ----------
    plan : Plan
    events : tuple of Event
    level : float or None
        True value, at the onset, of what the faulty probe measures [tag's unit].
    bands : dict
        By quantity.
    refused : int
        Readings the TagBook refused and values the engine called late.
    visible_h : float or None
        When the fault began to matter, where that is not its onset: base was asked for, the contaminant
        took a tenth of the culture's oxygen, viability had fallen by two points [h after the wires open].
    nis, nis_inside : float or None
        NIS per reading over the last hours, and the part of the last 24 h in which it lay in its 95 % band.
    """

    plan: Plan
    events: tuple[Event, ...]
    level: float | None = None
    bands: dict[str, Band] = field(default_factory=dict)
    refused: int = 0
    visible_h: float | None = None
    nis: float | None = None
    nis_inside: float | None = None

    @property
    def idle(self) -> bool:
        """Whether the fault never came to matter in the batch, so that there was nothing to tell."""
        fault = self.plan.fault
        return fault is not None and fault.kind in MATTERS and self.visible_h is None


Work = Callable[[BaseSection, LineFile, Line, Plan], T]
"""What becomes of one batch, from the settings of its campaign, the line, and its plan."""


def run_all(
    campaign: Campaign, batches: Sequence[Plan], jobs: int, work: Work[T], beside: int = BESIDE
) -> Iterator[T]:
    """What `work` brings forth, in the order of `batches`, from `jobs` processes; the same for any number.

    Each process follows `beside` batches at a time; see `twin.engine.lanes`.

    Raises
    ------
    ConfigError
        When the line does not do for the campaign; see `campaign_fit.scored_line`.
    ModelError
        When a process ended by itself.
    """
    line_file, line = scored_line(campaign)
    ready = partial(work, campaign.base, line_file, line)
    groups = _grouped(batches, max(1, min(beside, math.ceil(len(batches) / jobs))))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the processes are the parallel part
    spawn = multiprocessing.get_context("spawn")
    mine = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=end_with_parent)
    try:
        found = pool.map(partial(_together, ready), [[batches[i] for i in group] for group in groups])
        yield from _in_order(zip(groups, found, strict=True))
    except BrokenProcessPool as error:
        raise ModelError(
            f"campaign {campaign.id}: one of {jobs} processes ended by itself, most often for want of "
            "memory (about 300 MB each); try fewer --jobs"
        ) from error
    except BaseException:  # nobody waits for the batches that run now
        for worker in set(multiprocessing.active_children()) - mine:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _grouped(batches: Sequence[Plan], size: int) -> list[list[int]]:
    """Places of batches that are followed side by side: of about one length, the longest first."""
    order = sorted(range(len(batches)), key=lambda i: -batches[i].hours)
    return [order[i : i + size] for i in range(0, len(order), size)]


def _in_order(done: Iterable[tuple[list[int], list[T]]]) -> Iterator[T]:
    """Results by their places, each as soon as all before it are there."""
    known: dict[int, T] = {}
    place = 0
    for group, results in done:
        known |= dict(zip(group, results, strict=True))
        while place in known:
            yield known.pop(place)
            place += 1


def _together(work: Callable[[Plan], T], group: Sequence[Plan]) -> list[T]:
    return side_by_side([partial(work, plan) for plan in group], len(group))


def run_one(base: BaseSection, line_file: LineFile, line: Line, plan: Plan) -> Outcome:
    """Simulate one batch and follow it to its end."""
    plant = Plant(scenario_of(plan, base))
    follower = Follower(line_file, line_of(line, plan, base))
    for said in spoken(plant, plan):
        follower.take(row for row in said if _comes(row, base))
    follower.finish()
    return outcome(plan, follower, plant.truth())


def spoken(plant: Plant, plan: Plan) -> Iterator[list[Reading]]:
    """What the plant says to the end of a batch, piece by piece, in order of arrival."""
    for i in range(1, math.ceil(plan.hours / CHUNK_H) + 1):
        yield readings(plant.advance(min(i * CHUNK_H, plan.hours) * 3600.0))


def outcome(plan: Plan, follower: "Follower", truth: dict[str, Any]) -> Outcome:
    """What a batch followed to its end brought forth, beside the truth."""
    itself = follower.report()
    return Outcome(
        plan=plan,
        events=tuple(follower.events),
        level=_level(plan, truth),
        bands=_bands(follower, truth),
        refused=follower.refused,
        visible_h=visible(plan, truth),
        nis=itself.nis if itself else None,
        nis_inside=itself.inside if itself else None,
    )


def _comes(row: Reading, base: BaseSection) -> bool:
    """Tell whether a reading reaches the service in this campaign."""
    name = row.address.partition(".")[2]
    drawn_ns = row.received_ns if row.time_ns is None else row.time_ns
    if row.received_ns > drawn_ns:  # a laboratory result
        first, last = base.no_assays_h or (0.0, 0.0)
        return not first <= (drawn_ns - START_NS) / HOUR < last
    return name not in base.silent and (base.suite == "full" or name in FOUR_PROBES)


def line_of(line: Line, plan: Plan, base: BaseSection) -> Line:
    """The line with the batch in its vessel: what an operator would enter, and nothing more."""
    vessel: Vessel = line.vessels[0]
    batch = Batch(f"seed-{plan.seed}", START_NS - int(plan.start_h * HOUR), base.volume_l)
    there = FOUR_PROBES if base.suite == "four_probes" else {t.name for t in vessel.tags}
    tags = tuple(t for t in vessel.tags if t.kind is TagKind.ASSAY or t.name in there)
    parameters = {**vessel.parameters, **base.parameters}
    return replace(line, vessels=(replace(vessel, batch=batch, tags=tags, parameters=parameters),))


class Follower:
    """The service's way from readings to events, without wires and stores.

    Parameters
    ----------
    line_file, line
        As of a live run.
    """

    def __init__(self, line_file: LineFile, line: Line) -> None:
        self.book = TagBook(line.tags())
        self.engine = Engine(line, partial(model_of, every_s=HOUR / 1e9), line_file.grace_s)
        self.events: list[Event] = []
        self.hourly: list[Estimate] = []
        self.assays: list[Measurement] = []
        self.refused = 0

    def take(self, rows: Iterable[Reading]) -> None:
        """Take readings in the order in which they came."""
        measured = [m for m in map(self._measure, rows) if m is not None]
        self.assays += [m for m in measured if m.received_ns > m.time_ns]
        self._keep(self.engine.handle(measured))

    def finish(self) -> None:
        """Close what is open."""
        self._keep(self.engine.finish())

    def report(self) -> SelfReport | None:
        """How the twin of the vessel is at the end."""
        model = self.engine.vessels[VESSEL].model
        return model.report() if model else None

    def _measure(self, row: Reading) -> Measurement | None:
        found = self.book.measure(row, WINDOW)
        if isinstance(found, Quarantined):
            self.refused += 1
            return None
        return found

    def _keep(self, out: Outputs) -> None:
        self.refused += len(out.late)
        self.events += out.events
        self.hourly += [e for e in out.estimates if e.time_ns % HOUR == 0]


def readings(batch: PlantBatch) -> list[Reading]:
    """What the plant said, as readings in order of arrival."""
    times = (START_NS + np.round(batch.time_s * 1e6).astype(np.int64) * 1000).tolist()
    columns = zip(times, batch.tag_index.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True)
    rows = [_reading(batch.tags[i], t, t, value, _WORDS[quality]) for t, i, value, quality in columns]
    rows += [_reading(a.tag, _ns(a.drawn_s), _ns(a.reported_s), a.value, GOOD) for a in batch.assays]
    return sorted(rows, key=attrgetter("received_ns"))


def _reading(tag: str, time_ns: int, received_ns: int, value: float, quality: Quality) -> Reading:
    return Reading("campaign", tag, None if math.isnan(value) else value, quality, time_ns, received_ns)


def _ns(seconds: float) -> int:
    return START_NS + round(seconds * 1e6) * 1000


def _level(plan: Plan, truth: dict[str, Any]) -> float | None:
    if plan.fault is None or plan.fault.concerns not in truth:
        return None
    return float(np.interp(plan.fault.at_h * 3600.0, truth["time_s"], truth[plan.fault.concerns]))


def visible(plan: Plan, truth: dict[str, Any]) -> float | None:
    """When the fault began to matter [h after the wires open]; None where that is its onset, or never."""
    kind = plan.fault.kind if plan.fault else ""
    if plan.fault is None or kind not in MATTERS:
        return None
    hours = truth["time_s"] / 3600.0
    seen = (hours >= plan.fault.at_h) & MATTERS[kind](truth, int(np.searchsorted(hours, plan.fault.at_h)))
    return float(hours[seen][0]) if seen.any() else None


def _contaminated(truth: dict[str, Any], _: int) -> NDArray[np.bool_]:
    taken = PARAMETERS["q_o2_bug"].value * truth["contaminant"]
    return np.asarray(taken > 0.1 * np.maximum(truth["OUR"] - taken, 1e-9))


def _starved(truth: dict[str, Any], onset: int) -> NDArray[np.bool_]:
    """Viability is two points lower than when glucose had run out."""
    viability, gone = truth["viability"], np.flatnonzero(truth["glucose"][onset:] < GONE)
    fallen = np.zeros(len(viability), bool)
    if gone.size:
        first = onset + int(gone[0])
        fallen[first:] = viability[first:] < viability[first] - 2.0
    return fallen


MATTERS: Final[dict[str, Callable[[dict[str, Any], int], NDArray[np.bool_]]]] = {
    "base_line_blocked": lambda truth, _: np.asarray(truth["base_flow"] > 0.0),
    "contamination": _contaminated,
    "starvation": _starved,
}
"""Where a fault of a kind matters, from the truth of its batch and the place of its onset in it."""


def _bands(follower: Follower, truth: dict[str, Any]) -> dict[str, Band]:
    """How every estimate with a true value did, hour by hour, by the name of the true value."""
    found: dict[str, list[Estimate]] = {}
    for e in follower.hourly:
        if e.time_ns >= START_NS + FIRST_H * HOUR:
            found.setdefault(e.name.removeprefix(f"{VESSEL}."), []).append(e)
    told = {stem(name): rows for name, rows in found.items() if name.startswith("est_")}
    return {name: _band(name, told[name], follower.assays, truth) for name in true_names(told, truth)}


def true_names(names: Iterable[str], truth: Mapping[str, Any]) -> list[str]:
    """Those of the quantities whose true value the plant records, or follows from what it records."""
    return [name for name in names if name in truth or (name == "RQ" and {"CER", "OUR"} <= truth.keys())]


def _band(name: str, found: list[Estimate], assays: list[Measurement], truth: dict[str, Any]) -> Band:
    seconds = np.array([(e.time_ns - START_NS) / 1e9 for e in found])
    values = truth["CER"] / np.maximum(truth["OUR"], 1e-9) if name == "RQ" else truth[name]
    ago = seconds - 3600.0 * _interval_h(assays)
    past = np.where(ago >= 0.0, np.interp(ago, truth["time_s"], values), np.nan)
    results = [m for m in assays if stem(m.tag.removeprefix(f"{VESSEL}.")) == name]
    return band(
        np.array([e.mean for e in found]),
        np.array([e.sd for e in found]),
        np.interp(seconds, truth["time_s"], values),
        _held(results, found),
        past,
    )


def _interval_h(assays: list[Measurement]) -> float:
    """Usual time between two samples [h]."""
    drawn = np.unique([m.time_ns for m in assays])
    return float(np.median(np.diff(drawn))) / HOUR if drawn.size > 1 else INTERVAL_H


def _held(assays: list[Measurement], at: list[Estimate]) -> NDArray[np.float64]:
    """The last result reported by each time; NaN before the first."""
    came = np.array([m.received_ns for m in assays], dtype=np.int64)
    values = np.array([np.nan, *(m.value for m in assays)], dtype=np.float64)
    return values[np.searchsorted(came, [e.time_ns for e in at], side="right")]
