"""From a line file to a Line, collecting every fault on the way."""

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from twin.domain.alarm import ALARMING
from twin.domain.asset import Line, Vessel
from twin.domain.batch import Batch
from twin.domain.errors import ConfigError, ModelError
from twin.domain.event import Kind
from twin.domain.phase import Phases, Suppression
from twin.domain.tag import Limits, Tag, TagKind
from twin.service import plugins
from twin.service.line import BatchSection, LineFile, PhasesSection, TagSection, TagUse, Text, VesselSection
from twin.service.model import process_of
from twin.service.yaml_file import read_yaml

MOST_ROUNDS = 20
"""Times a document is looked at again without its faulty parts (chosen default)."""
WITH_LAYOUT = ("folder", "files")
"""Kinds of sources that read files by a layout."""
STAND_INS = {"schema": 1, "line": "line"}
"""What a line must have, where it is missing or faulty and the rest is looked at all the same."""


@dataclass(slots=True)
class Faults:
    """Everything that is wrong with a file, each with its place."""

    found: list[str] = field(default_factory=list)

    def add(self, place: str, text: str) -> None:
        """Add one fault."""
        self.found.append(f"{place}: {text}" if place else text)

    def add_validation(self, place: str, error: ValidationError) -> None:
        """Add every fault pydantic found."""
        for fault in error.errors(include_url=False):
            where = ".".join(str(part) for part in (place, *fault["loc"]) if _written(part))
            came = f"; came {fault['input']!s:.80}" if not isinstance(fault["input"], dict) else ""
            self.add(where, f"{_plain(fault['type'], fault['msg'])}{came}")


def _written(part: int | str) -> bool:
    """True for what stands in the file, False for a name the validator gives to one of several forms."""
    return str(part) != "" and not re.search(r"[\[(]|^[A-Z]\w*(Use|Section)$", str(part))


def _plain(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "this key is not known here; check its spelling"
    if kind == "model_type":
        return "keys with their values would do"
    return message.removeprefix("Value error, ")


def load_line(path: Path | Traversable) -> tuple[LineFile, Line]:
    """Read, validate and build a line; opens nothing else.

    Raises
    ------
    ConfigError
        With every fault found, one a line.
    """
    raw = read_yaml(path)
    faults = Faults()
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: came {type(raw).__name__}; a mapping with schema, line, vessels would do")
    line_file, pruned = _validated(raw, faults)
    check_sections(raw, faults)
    if line_file is not None:
        line = build_line(line_file, faults)
        check_line(line_file, line, faults)
        if "vessels" not in pruned:
            check_references(line_file, line, faults)
    if line_file is None or faults.found:
        raise ConfigError(_listed(path, faults))
    return line_file, line


def _validated(raw: dict[str, Any], faults: Faults) -> tuple[LineFile | None, set[str]]:
    """The line file, or what is left of it without its faulty parts, so that the rest is looked at too.

    Returns
    -------
    LineFile or None
        None when too little is left to be a line.
    set of str
        Sections of which a part was left out.
    """
    rest, pruned = deepcopy(raw), set[str]()
    for _ in range(MOST_ROUNDS):
        try:
            return LineFile.model_validate(rest), pruned
        except ValidationError as error:
            if not pruned:
                faults.add_validation("", error)
            for fault in reversed(error.errors()):
                _leave_out(rest, fault["loc"])
                pruned.add(str(fault["loc"][0]) if fault["loc"] else "")
    return None, pruned


def _leave_out(rest: dict[str, Any], place: tuple[int | str, ...]) -> None:
    """Take the innermost part there is at a place out; what a line must have gets a stand-in."""
    found: Any = rest
    holder: Any = rest
    key: int | str = ""
    for step in place:
        listed = isinstance(found, list) and isinstance(step, int) and step < len(found)
        if not listed and not (isinstance(found, dict) and step in found):
            break
        holder, key, found = found, step, found[step]
    if key != "":
        del holder[key]
    for name, value in STAND_INS.items():
        rest.setdefault(name, value)


def _listed(path: Path | Traversable, faults: Faults) -> str:
    return "\n".join(f"{path}: {fault}" for fault in faults.found)


def build_line(line_file: LineFile, faults: Faults) -> Line:
    """The domain's Line; faults of tag sets, vessels and names are added to `faults`."""
    vessels: list[Vessel] = []
    for i, section in enumerate(line_file.vessels):
        vessels += _vessels(f"vessels.{i}", section, faults)
    _unique("vessels", (v.id for v in vessels), faults)
    return Line(line_file.line, _text(line_file.title), line_file.site, line_file.origin, tuple(vessels))


def _text(found: Text) -> dict[str, str]:
    return {str(language): words for language, words in found.items()}


def _vessels(place: str, section: VesselSection, faults: Faults) -> list[Vessel]:
    tags = _tag_sections(f"{place}.tags", section.tags, faults)
    _unique(f"{place}.tags", (t.name for t in tags), faults)
    names = section.fleet.names() if section.fleet else [section.id or ""]
    return [_vessel(name, section, tags) for name in names]


def _vessel(name: str, section: VesselSection, tags: list[TagSection]) -> Vessel:
    return Vessel(
        id=name,
        name=_text(section.name) or {"en": name, "fr": name},
        tags=tuple(_tag(name, tag) for tag in tags),
        process=section.process.kind if section.process else "",
        parameters=dict(section.process.parameters) if section.process else {},
        batch=_batch(section.batch) if section.batch else None,
        normal=section.normal if isinstance(section.normal, str) else "",
        process_model=section.process.model if section.process else "",
        normal_model="" if isinstance(section.normal, str) else section.normal.model,
        form=section.form,
        feeds=tuple(section.feeds),
        phases=_phases(section.phases) if section.phases else None,
        suppress=tuple(
            Suppression(frozenset(each.phases), tuple(each.kinds), tuple(each.tags))
            for each in section.suppress
        ),
    )


def _phases(section: PhasesSection) -> Phases:
    made = Phases(section.tag, section.names, section.hours)
    return made if section.ends is None else replace(made, ends=tuple(section.ends))


def _batch(section: BatchSection) -> Batch:
    start_ns = int(section.start.timestamp() * 1_000_000) * 1000 if section.start else 0
    return Batch(section.id, start_ns, section.volume_l, section.cells, section.duration_h)


def _tag(asset: str, section: TagSection) -> Tag:
    fields = section.model_dump(exclude={"limits"})
    return Tag(asset=asset, limits=Limits(**section.limits.model_dump()), **fields)


def _tag_sections(place: str, tags: TagUse | list[TagSection], faults: Faults) -> list[TagSection]:
    if isinstance(tags, list):
        return tags
    rows = _tag_set(place, tags.use, faults)
    known = {str(row.get("name")) for row in rows}
    for name in (*tags.override, *(tags.only or ())):
        if rows and name not in known:
            faults.add(place, f"tag {name!r} is not in the set {tags.use}; it has {', '.join(sorted(known))}")
    found: list[TagSection] = []
    for row in rows:
        name = str(row.get("name"))
        if tags.only is None or name in tags.only:
            _append(found, f"{place}.{name}", {**row, **tags.override.get(name, {})}, faults)
    return found


def _append(found: list[TagSection], place: str, row: dict[str, Any], faults: Faults) -> None:
    try:
        found.append(TagSection.model_validate(row))
    except ValidationError as error:
        faults.add_validation(place, error)


def _tag_set(place: str, name: str, faults: Faults) -> list[dict[str, Any]]:
    folder = files("seeds") / "tags"
    path = folder / f"{name}.yaml"
    if "/" in name or not path.is_file():
        known = sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml"))
        faults.add(f"{place}.use", f"tag set {name!r} is not known; known are {', '.join(known)}")
        return []
    raw = read_yaml(path)
    rows = raw.get("tags", []) if isinstance(raw, dict) else raw
    return list(rows)


def _unique(place: str, names: Iterable[str], faults: Faults) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            faults.add(place, f"{name!r} is there twice; each needs a name of its own")
        seen.add(name)


def check_sections(raw: dict[str, Any], faults: Faults) -> None:
    """Validate the section of every plug-in as it is written; opens nothing."""
    for i, section in enumerate(_dicts(raw.get("sources"))):
        _check(f"sources.{i}", "sources", section, faults)
    for family in ("actuators", "publishers"):
        for i, section in enumerate(_dicts(raw.get(family))):
            _check(f"{family}.{i}", family, section, faults)
    for name, family in (("historian", "historians"), ("ledger", "ledgers")):
        for section in _dicts([raw.get(name)]):
            _check(name, family, section, faults)
    for part in ("subscribers", "channels"):
        for i, row in enumerate(_dicts(raw.get(part))):
            for section in _dicts([row.get("notifier")]):
                _check(f"{part}.{i}.notifier", "notifiers", section, faults)


def _dicts(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def check_line(line_file: LineFile, line: Line, faults: Faults) -> None:
    """What a line names twice, and kinds and models that are not there."""
    _unique("sources", (str(s.get("id", s.get("kind"))) for s in line_file.sources), faults)
    routes = [each.id for each in line_file.subscribers] + [each.id for each in line_file.channels]
    _unique("subscribers and channels", routes, faults)
    for i, person in enumerate(line_file.subscribers):
        _matched(f"subscribers.{i}.kinds", person.kinds, {kind.value for kind in Kind}, faults)
    for vessel in line.vessels:
        _check_process(vessel, faults)
        _check_phases(vessel, faults)


def check_references(line_file: LineFile, line: Line, faults: Faults) -> None:
    """The vessels and tags that other sections name must be there."""
    vessels, tags = {v.id for v in line.vessels}, {t.id for t in line.tags()}
    for i, section in enumerate(line_file.sources):
        _known(f"sources.{i}.vessels", section.get("vessels"), vessels, faults)
        _known(f"sources.{i}.tags", section.get("tags"), tags, faults)
    assets = vessels | {str(s.get("id")) for s in line_file.sources} | {"historian"}
    for i, person in enumerate(line_file.subscribers):
        _matched(f"subscribers.{i}.assets", person.assets, assets, faults)
    check_pipes(line, faults)
    _check_writes(line_file, line, faults)
    _check_files(line_file, line, faults)


def _check_phases(vessel: Vessel, faults: Faults) -> None:
    """The phase's tag must be one that nobody judges, and what is suppressed must be there."""
    place = f"vessel {vessel.id}"
    tags = {tag.name: tag for tag in vessel.tags}
    phases = vessel.phases
    if phases and phases.tag:
        _known(f"{place}.phases.tag", [phases.tag], set(tags), faults)
        if phases.tag in tags and tags[phases.tag].kind is not TagKind.SETPOINT:
            faults.add(
                f"{place}.phases.tag", f"{phases.tag} would be judged as a probe; kind: setpoint would do"
            )
    for i, each in enumerate(vessel.suppress):
        where = f"{place}.suppress.{i}"
        _known(f"{where}.phases", sorted(each.phases), set(phases.known() if phases else ()), faults)
        _matched(f"{where}.kinds", list(each.kinds), {kind.value for kind in ALARMING}, faults)
        _matched(f"{where}.tags", list(each.tags), set(tags), faults)


def check_pipes(line: Line, faults: Faults) -> None:
    """Every pipe leads to a unit of the line, once, and material never comes back to where it was."""
    known = {vessel.id for vessel in line.vessels}
    feeds = {vessel.id: vessel.feeds for vessel in line.vessels}
    for name, fed in feeds.items():
        _known(f"vessel {name}.feeds", list(fed), known, faults)
        _unique(f"vessel {name}.feeds", fed, faults)
    try:
        TopologicalSorter({name: known & set(fed) for name, fed in feeds.items()}).prepare()
    except CycleError as error:
        ring = " > ".join(reversed(error.args[1]))
        faults.add("vessels", f"feeds go in a ring: {ring}; leave out the pipe that leads back")


def _check_writes(line_file: LineFile, line: Line, faults: Faults) -> None:
    _unique("actuators", (str(s.get("id", s.get("kind"))) for s in line_file.actuators), faults)
    _unique("writes", (w.tag for w in line_file.writes), faults)
    actuators = {str(s.get("id")) for s in line_file.actuators}
    tags = {tag.id: tag for tag in line.tags()}
    for i, write in enumerate(line_file.writes):
        _known(f"writes.{i}.tag", [write.tag], set(tags), faults)
        _known(f"writes.{i}.actuator", [write.actuator], actuators, faults)
        tag = tags.get(write.tag)
        if tag is not None and tag.kind is not TagKind.SETPOINT:
            faults.add(
                f"writes.{i}.tag", f"{write.tag} is of kind {tag.kind.value}; only setpoints are written"
            )
        if tag is not None and not tag.low <= write.low < write.high <= tag.high:
            faults.add(f"writes.{i}", f"limits go beyond the range {tag.low} to {tag.high} of {write.tag}")


def _known(place: str, names: Any, known: set[str], faults: Faults) -> None:
    for name in names if isinstance(names, list) else []:
        if name not in known:
            faults.add(place, f"{name!r} is not in this line; it has {', '.join(sorted(known)[:20])}")


def _matched(place: str, patterns: list[str], known: set[str], faults: Faults) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            faults.add(place, f"{pattern!r} matches nothing; there are {', '.join(sorted(known)[:20])}")


def _check_files(line_file: LineFile, line: Line, faults: Faults) -> None:
    """Layouts of files, of the line and of its sources, must lead to tags that are there."""
    if line_file.files is not None:
        _check_layout("files", line_file.files, line, faults)
    for i, section in enumerate(line_file.sources):
        if section.get("kind") in WITH_LAYOUT and isinstance(section.get("layout"), dict):
            _check_layout(f"sources.{i}.layout", section["layout"], line, faults)


def _check_layout(place: str, section: dict[str, Any], line: Line, faults: Faults) -> None:
    from connectors.codecs.file_layout import FileLayout, layout_faults

    try:
        layout = FileLayout.model_validate(section)
    except ValidationError as error:
        if place == "files":  # that of a source is told with the source
            faults.add_validation(place, error)
        return
    for fault in layout_faults(layout, line):
        faults.add("", f"{place}.{fault}")


def _check_process(vessel: Vessel, faults: Faults) -> None:
    if not vessel.process:
        for tag in vessel.tags:
            if tag.like:
                faults.add(f"tag {tag.id}.like", f"{tag.like!r} came; only a process model predicts that")
        return
    try:
        process_of(vessel)
    except (ConfigError, ModelError) as error:
        faults.add(f"vessel {vessel.id}.process", str(error))


def _check(place: str, family: str, section: dict[str, Any], faults: Faults) -> None:
    if "kind" not in section:
        faults.add(place, f"kind is missing; known are {', '.join(plugins.kinds(family))}")
        return
    try:
        configured(family, section, Path("/nonexistent"))
    except ConfigError as error:
        faults.add(place, str(error))
    except ValidationError as error:
        faults.add_validation(place, error)


def configured(family: str, section: dict[str, Any], folder: Path) -> tuple[Any, BaseModel]:
    """Module and configuration of a section; a `path` that is not given lies in `folder`."""
    module = plugins.load(family, str(section["kind"]))
    fields = dict(section)
    for name in ("path", "spool"):
        known = module.Config.model_fields.get(name)
        if known is not None:
            default = f"{family[:-1]}-{name}.sqlite" if name == "spool" else f"{family[:-1]}.sqlite"
            fields[name] = str(folder / str(fields.get(name, default)))
    return plugins.config_of(family, fields)
