"""The report in words: a list of blocks that are the same for every form it is written in."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

import orjson

from twin import __version__
from twin.alarms.words import catalogue, in_words, number
from twin.domain.alarm import AlarmState
from twin.domain.event import Event, Kind
from twin.domain.measurement import Quality
from twin.domain.tag import Limits
from twin.service.report.drawing import BAND, draw
from twin.service.report.gather import REMARKS, Content, Finding, Sample, Summary
from twin.service.report.words import words

PLAIN: Final = frozenset("\u00a0\u202f\n")
"""Signs without a shape of their own that may stand in a text."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a section."""

    heading: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads (none: the first column names the second); `wide` are the shares of the columns."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wide: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing as SVG with what it shows."""

    caption: str
    svg: str


Block: TypeAlias = Heading | Text | Table | Figure


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report.

    Parameters
    ----------
    language : str
    title : str
    made_s : int
        End of the data [s since 1970-01-01 UTC]; the time every form of it carries.
    blocks : tuple of Block
    hash_name, hash_text, page : str
        Words of the last page and of the foot.
    """

    language: str
    title: str
    made_s: int
    blocks: tuple[Block, ...]
    hash_name: str
    hash_text: str
    page: str

    def data(self) -> bytes:
        """The document as JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    def sha256(self) -> str:
        """Hash of the content, hexadecimal."""
        return hashlib.sha256(self.data()).hexdigest()


def document(found: Content, language: str) -> Document:
    """Put what was found into words."""
    teller = _Teller(found, language)
    w = teller.words
    batch = found.vessel.batch
    title = " – ".join((w["title"], found.vessel.id, *([batch.id] if batch else [])))
    return Document(
        language, shown(title), found.end_ns // 1_000_000_000, tuple(teller.blocks()),
        w["hash"], w["hash.text"], w["page"],
    )  # fmt: skip


def shown(text: str) -> str:
    """A text in which every sign without a shape (controls, changes of direction) is written as its code."""
    return "".join(c if c.isprintable() or c in PLAIN else f"[U+{ord(c):04X}]" for c in text)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], wide: Sequence[float]) -> Table:
    return Table(tuple(heads), tuple(tuple(map(shown, row)) for row in rows), tuple(wide))


class _Teller:
    """Words, numbers and times of one report in one language."""

    def __init__(self, found: Content, language: str) -> None:
        self.found, self.language = found, language
        self.words, self.catalogue = words(language), catalogue(language)
        batch = found.vessel.batch
        self.begun_ns = batch.start_ns if batch else 0
        self.zero_ns = self.begun_ns or found.start_ns

    def blocks(self) -> list[Block]:
        parts: list[Callable[[], list[Block]]] = [
            self._head, self._values, self._trends, self._excursions, self._findings, self._alarms,
            self._handling, self._samples, self._interventions, self._counters, self._signatures,
        ]  # fmt: skip
        return [block for part in parts for block in part()]

    # -- signs ---------------------------------------------------------------------------------

    def number(self, value: float) -> str:
        """Four significant digits with the language's decimal sign."""
        return number(value, self.language, ".4g").replace("-", "\u2212")

    def with_unit(self, value: float, unit: str) -> str:
        return self.number(value) + ("" if unit in ("", "1") else f"\u00a0{unit}")

    def time(self, time_ns: int | None) -> str:
        if time_ns is None:
            return "–"
        return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M}"

    def _section(self, name: str, table: Table | None, text: str = "") -> list[Block]:
        """A section with its table, or with the words for an empty one."""
        if table is None or not table.rows:
            return [Heading(self.words[name]), Text(self.words[f"{name}.none"])]
        said = [Text(self.words[text])] if text else []
        return [Heading(self.words[name]), *said, table]

    # -- sections ------------------------------------------------------------------------------

    def _head(self) -> list[Block]:
        found, w, batch = self.found, self.words, self.found.vessel.batch
        line, vessel = found.line, found.vessel
        models = [
            f"{m.id} {m.version}, {w['parameters']} {m.parameters}"
            + (f" ({m.registered})" if m.registered else "")
            for m in found.models()
        ]
        rows = [
            (w["line"], f"{line.id} – {line.title.get(self.language, line.id)}"),
            (w["site"], line.site),
            (w["origin"], w[f"origin.{line.origin.value}"]),
            (w["unit"], f"{vessel.id} – {vessel.name.get(self.language, vessel.id)}"),
            (w["batch"], batch.id if batch else w["none"]),
            (w["inoculation"], f"{self.time(batch.start_ns)} UTC" if batch and batch.start_ns else "–"),
            (w["planned"], self.with_unit(batch.duration_h, "h") if batch else "–"),
            (w["from"], f"{self.time(found.start_ns)} UTC"),
            (w["to"], f"{self.time(found.end_ns)} UTC"),
            *(
                [(w["age"], self.with_unit((found.end_ns - self.zero_ns) / 3.6e12, "h"))]
                if self.begun_ns
                else []
            ),
            (w["by"], found.by or "–"),
            (w["software"], f"Bioline Twin {__version__}"),
            (w["model"], "; ".join(models) or w["none"]),
            (w["line_file"], found.line_sha256),
        ]
        return [_table((), rows, (1, 3))]

    def _trends(self) -> list[Block]:
        found = self.found
        drawn: list[Block] = [
            Figure(
                shown(self._tag_name(course.tag.id, course.tag.quantity, course.tag.unit)),
                shown(draw(course, found.first_ns, found.end_ns, self.zero_ns, self.number)),
            )
            for course in found.courses
        ]
        since = self.words["trends.age" if self.begun_ns else "trends.hours"]
        return [Heading(self.words["trends"]), Text(f"{self.words['trends.text']} {since}"), *drawn]

    def _tag_name(self, name: str, quantity: str, unit: str) -> str:
        return f"{name} – {self.catalogue[f'quantity.{quantity}']} [{unit}]"

    def _values(self) -> list[Block]:
        w = self.words
        heads = [w[k] for k in ("tag", "limits", "least", "mean", "most", "rows", "not_good", "outside")]
        rows = [self._value(s) for s in self.found.summaries]
        return self._section("values", _table(heads, rows, (3.2, 2.6, 1.3, 1.3, 1.3, 1.5, 1.3, 1.3)))

    def _value(self, s: Summary) -> tuple[str, ...]:
        figures = (s.low, s.total / s.good, s.high) if s.good else ()
        told = tuple(map(self.number, figures)) or ("–",) * 3
        outside = "–" if s.tag.limits == Limits() else str(s.outside)
        name = f"{s.tag.id} [{s.tag.unit}]"
        return (name, self._limits(s.tag.limits), *told, str(s.rows), str(s.rows - s.good), outside)

    def _limits(self, limits: Limits) -> str:
        low = [self.number(v) for v in (limits.low_low, limits.low) if v is not None]
        high = [self.number(v) for v in (limits.high, limits.high_high) if v is not None]
        sides = ([f"≥ {' / '.join(low)}"] if low else []) + ([f"≤ {' / '.join(high)}"] if high else [])
        return " · ".join(sides) or "–"

    def _excursions(self) -> list[Block]:
        return self._told("excursions", [f for f in self.found.findings() if f.first.kind is Kind.LIMIT])

    def _findings(self) -> list[Block]:
        return self._told("findings", [f for f in self.found.findings() if f.first.kind is not Kind.LIMIT])

    def _told(self, name: str, findings: Sequence[Finding]) -> list[Block]:
        w = self.words
        heads = [w[k] for k in ("told", "finding", "verdict", "since", "size", "stage", "ended")]
        rows = [self._finding(f) for f in findings]
        return self._section(name, _table(heads, rows, (1.5, 3.4, 1.5, 1.5, 1.4, 1.4, 1.5)), "told.text")

    def _finding(self, f: Finding) -> tuple[str, ...]:
        event = f.told
        stage = self.catalogue[f"stage.{f.last.stage.value}"]
        return (
            self.time(f.first.t), self._title(event), self._verdict(event), self.time(event.since),
            "–" if event.size is None else self.with_unit(event.size, event.unit), stage,
            self.words["stands"] if f.ended_ns is None else self.time(f.ended_ns),
        )  # fmt: skip

    def _title(self, event: Event) -> str:
        evidence = [self.catalogue.get(f"evidence.{code}", code) for code in event.evidence]
        said = f"\n{self.words['evidence']}: {', '.join(evidence)}" if evidence else ""
        if self.language == "fr":
            said = said.replace(":", "\u202f:", 1)
        return in_words(event, self.language)[0] + said

    def _verdict(self, event: Event) -> str:
        if event.verdict is None:
            return "–"
        sure = "" if event.confidence is None else f", {event.confidence * 100:.0f}\u202f%"
        return self.catalogue[f"verdict.{event.verdict.value}"] + sure

    def _alarms(self) -> list[Block]:
        heads = [self.words[k] for k in ("alarm", "priority", "since", "annunciated", "state", "who", "why")]
        rows = [self._alarm_row(name) for name in self.found.alarms]
        return self._section("alarms", _table(heads, rows, (3, 1.2, 1.5, 1.7, 2, 1.4, 2.2)), "alarms.text")

    def _alarm_row(self, name: str) -> tuple[str, ...]:
        """An alarm as it stood at the end of the data, whatever became of it later."""
        alarm, last = self.found.alarms[name], self.found.last_move(name)
        later = alarm.changed_ns > last.t
        until = (
            "" if alarm.until_ns is None or later else f" {self.words['until']} {self.time(alarm.until_ns)}"
        )
        event = self.found.event_of(name)
        return (
            self._alarm(name), self.catalogue[f"priority.{last.priority.value}"],
            self.time(event.since if event else None), self._annunciated(name),
            self.catalogue[f"state.{last.new.value}"] + until, last.by or "–", last.why or "–",
        )  # fmt: skip

    def _annunciated(self, name: str) -> str:
        """The first time an alarm called for attention; how often and when last, where it did again."""
        times = self.found.annunciated(name)
        if not times:
            return self.words["never"]
        more = f"\n{len(times)} {self.words['times']} {self.time(times[-1])}" if len(times) > 1 else ""
        return self.time(times[0]) + more

    def _alarm(self, name: str) -> str:
        if name not in self.found.alarms:
            return name
        event = self.found.event_of(name) or self.found.alarms[name].event
        return in_words(event, self.language)[0]

    def _handling(self) -> list[Block]:
        w = self.words
        states = {state: self.catalogue[f"state.{state.value}"] for state in AlarmState}
        moved = [
            (m.t, self._alarm(m.alarm), f"{states[m.old]} → {states[m.new]}", m.by, m.why)
            for m in self.found.moves
        ]
        said = [
            (e.t, self._alarm(str(e.detail.get("alarm", ""))), w[f"remark.{e.detail['what']}"],
             str(e.detail.get("by", "")), str(e.detail.get("why", "")))
            for e in self.found.events
            if e.kind is Kind.ALARM and e.detail.get("what") in REMARKS
        ]  # fmt: skip
        rows = [
            (self.time(t), alarm, what, by or "–", why or "–")
            for t, alarm, what, by, why in sorted(moved + said, key=lambda row: row[0])
        ]
        heads = [w[k] for k in ("time", "alarm", "what", "who", "why")]
        return self._section("handling", _table(heads, rows, (1.5, 3, 3, 1.5, 2.6)))

    def _samples(self) -> list[Block]:
        w = self.words
        heads = [w[k] for k in ("drawn", "tag", "result", "estimate", "difference")]
        rows = [self._sample(s) for s in self.found.samples]
        return self._section("samples", _table(heads, rows, (1.5, 2, 2, 2.4, 1.6)), "samples.text")

    def _sample(self, s: Sample) -> tuple[str, ...]:
        unit, value = s.tag.unit, s.row.value
        bad = s.row.quality is Quality.BAD
        told = "–" if value is None else self.with_unit(value, unit)
        if s.row.quality is not Quality.GOOD:
            told += f"\n{self.words[f'quality.{s.row.quality.name.lower()}']}"
        held, apart = "–", "–"
        if s.mean is not None:
            spread = "" if s.sd is None else f" ± {number(BAND * s.sd, self.language, '.2g')}"
            held = self.number(s.mean) + spread
            apart = "–" if value is None or bad else self.number(value - s.mean)
        return self.time(s.row.time_ns), s.tag.id, told, held, apart

    def _interventions(self) -> list[Block]:
        w = self.words
        rows: list[tuple[int, str, str, str, str]] = []
        for e in self.found.events:
            if e.kind in (Kind.SAMPLE, Kind.CALIBRATION):
                size = "" if e.size is None else f" {self.with_unit(e.size, e.unit)}"
                by, why = str(e.detail.get("by", "")), str(e.detail.get("why", ""))
                rows.append((e.t, e.tag or e.asset, w[e.kind.value] + size, by, why))
        for entry in self.found.commands:
            deed = entry.deed
            what = w.get(".".join(deed.action.split(".")[:2]), deed.action)
            rows.append((deed.t, deed.subject, f"{what} {deed.old} → {deed.new}", deed.who, deed.why))
        told = [
            (self.time(t), tag, what, by or "–", why or "–")
            for t, tag, what, by, why in sorted(rows, key=lambda row: row[0])
        ]
        heads = [w[k] for k in ("time", "tag", "what", "who", "why")]
        return self._section("interventions", _table(heads, told, (1.5, 2, 3.4, 1.5, 2.6)))

    def _counters(self) -> list[Block]:
        w, found = self.words, self.found
        sums = [sum(getattr(s, name) for s in found.summaries) for name in ("rows", "good", "late")]
        rows = [
            (w[f"counters.{name}"], str(n))
            for name, n in zip(("stored", "good", "late"), sums, strict=True)
        ]  # fmt: skip
        for name, counts in (("refused", found.refused), ("strange", found.strange)):
            rows.append((w[f"counters.{name}"], str(counts.total())))
            rows += [(f"– {self._reason(reason)}", str(n)) for reason, n in sorted(counts.items())]
        number, head = found.trail
        trail = Text(shown(f"{w['trail']}{self._colon()} {number}:{head}"))
        table = _table((w["what"], w["count"]), rows, (3, 1))
        return [*self._section("counters", table, "counters.text"), trail]

    def _reason(self, reason: str) -> str:
        return self.catalogue.get(f"refusal.{reason}", reason)

    def _colon(self) -> str:
        return "\u202f:" if self.language == "fr" else ":"

    def _signatures(self) -> list[Block]:
        w = self.words
        heads = [w[k] for k in ("role", "name", "date", "signature")]
        rows = [(w[k], "\n\n", "", "") for k in ("made", "reviewed", "approved")]
        return self._section("signatures", _table(heads, rows, (1, 2, 1.2, 2.4)), "signatures.text")
