"""`twin doctor`: the state of every link of a line in words, from the service that runs or by trying each."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from connectors.codecs.opcua_words import nodes_lacking
from twin.domain.asset import Line
from twin.domain.errors import ConnectorError, StorageError, TwinError
from twin.domain.registry import Sort
from twin.ports import HistorianContext, LinkChange, Source, SourceContext
from twin.runtime.clock import WallClock
from twin.service.build import configured
from twin.service.line import LineFile
from twin.service.registry.resolve import (
    in_words,
    models_of,
    read_registry,
    resolved,
    sources_of,
    with_sources,
)
from twin.service.settings import Settings
from twin.service.surroundings import unmakeable

PATIENCE_S = 15.0
"""Longest wait for a link to say something [s] (chosen default)."""
SKEWED_S = 1.0
"""A source's clock is named when it is further off than this [s]."""
OWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "mqtt": {"session_h": 0.001},
    "sparkplug": {"host_id": ""},
}
"""So that a look takes nobody's session, and says no STATE, which the broker would keep; its client bears the
name of the look's own folder."""


class State(StrEnum):
    """How a link is."""

    WELL = "well"
    WARNING = "warning"
    """It is up, and not all of it is as the line file wants it."""
    DOWN = "down"
    UNSEEN = "-"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one link."""

    link: str
    state: State
    text: str

    @property
    def bad(self) -> bool:
        """True for what somebody has to look after."""
        return self.state in (State.WARNING, State.DOWN)


@dataclass(frozen=True, slots=True)
class Said:
    """What the running service said of itself.

    Parameters
    ----------
    fault : str
        Why it is not ready, in its own words; empty when it is.
    conserved : bool or None
        Whether every value is accounted for; None when it did not tell.
    links : mapping or None
        State of its links by source; None when it did not tell.
    unheard : str
        Why it did not take the token; empty when it did, or none was shown.
    """

    fault: str = ""
    conserved: bool | None = None
    links: Mapping[str, Mapping[str, Any]] | None = None
    unheard: str = ""


async def examine(line_file: LineFile, line: Line, settings: Settings, token: str = "") -> list[Finding]:
    """Ask the running service, or look at every link when none runs or it does not tell.

    Parameters
    ----------
    line_file, line, settings
        What is looked at.
    token : str
        A program's token, with which the running service tells the state of its links.
    """
    said = await ask_service(settings, token)
    found = _service(said, f"{settings.host}:{settings.port}")
    models = _models(line_file, line, settings)
    if said is not None and said.links is not None:
        return [*found, *_told(said), *models]
    looks = [_source(section, line, said is not None) for section in line_file.sources]
    links = await asyncio.gather(*looks)
    return [*found, *links, *await _stores(line_file, line, settings), *models]


def _service(said: Said | None, where: str) -> list[Finding]:
    if said is None:
        return [Finding("service", State.UNSEEN, f"does not run at {where}; each link is tried here")]
    text = f"runs at {where}"
    if said.fault:
        text = f"runs at {where} and is not ready: {said.fault.rstrip('.')}"
    if said.links is None:
        ask = "" if said.unheard else "with --token-file it would tell the state of its own links; "
        text += f"; {ask}each link is tried here"
    found = [Finding("service", State.DOWN if said.fault else State.WELL, text)]
    if said.unheard:
        found.append(Finding("token", State.DOWN, said.unheard))
    return found


def _models(line_file: LineFile, line: Line, settings: Settings) -> list[Finding]:
    """The versions that the next start of the service takes, and those that the last one took."""
    try:
        found = resolved(line_file, line, settings, approved_only=True)
        sources = [pair for pair in sources_of(with_sources(line_file, line, settings)) if pair[1]]
        used = read_registry(line_file, line, settings).in_use if sources or in_words(found) else {}
    except TwinError as error:
        return [Finding("models", State.DOWN, str(error))]
    told = [_model(v.id, sort, use, used) for v in found.vessels for sort, use in models_of(v)]
    return told + [_model(name, Sort.SPECTRA, use, used) for name, use in sources]


def _model(vessel: str, sort: str, use: str, used: Mapping[str, str]) -> Finding:
    last = used.get(f"{vessel}/{sort}", "")
    text = f"{sort} model {use}"
    if last != use:
        text += f"; the service took {last or 'none'} when it started last, {use} comes with the next start"
    return Finding(vessel, State.WELL, text)


async def ask_service(settings: Settings, token: str) -> Said | None:
    """What the running service says of itself; None when it does not answer."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"http://{settings.host}:{settings.port}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=5.0, headers=headers) as client:
            ready = await client.get("/readyz")
            links = await client.get("/api/v1/links") if token else None
            return _read(ready, links)
    except (httpx.HTTPError, ValueError):
        return None


def _read(ready: httpx.Response, links: httpx.Response | None) -> Said | None:
    """What two answers mean; None when they are not those of a service of ours."""
    said = ready.json()
    if not isinstance(said, dict) or "status" not in said:
        return None
    fault = "" if said["status"] == "ready" else str(said.get("detail", said["status"]))
    if links is None:
        return Said(fault)
    if not links.is_success:
        return Said(fault, unheard=_unheard(links))
    return Said(fault, said.get("conserved"), {each["source"]: each for each in links.json()})


def _unheard(answer: httpx.Response) -> str:
    why = str(answer.json().get("detail", answer.reason_phrase)).rstrip(".")
    if answer.status_code != 401:
        return f"the service answers {answer.status_code}: {why}"
    remedy = "the page People makes one for a program"
    return f"the token was refused (401): it is nobody's, or was taken back, or has ended; {remedy}"


def _told(said: Said) -> list[Finding]:
    found = []
    if said.conserved is not None:
        law = (
            "every value is accounted for"
            if said.conserved
            else "values are unaccounted for; see Diagnostics"
        )
        found.append(Finding("accounting", State.WELL if said.conserved else State.DOWN, law))
    for source, link in (said.links or {}).items():
        skew = link.get("skew_s")
        off = "" if skew is None or abs(skew) <= SKEWED_S else f"; its clock is {_off(skew)}"
        found.append(_link(source, link["up"], link["text"], f"; gaps {link['gaps']}{off}"))
    return found


def _link(name: str, up: bool, text: str, more: str = "") -> Finding:
    """A link by what it says: one that is up may still lack what the line wants of it."""
    state = State.WELL if up else State.DOWN
    if up and nodes_lacking(text):
        state = State.WARNING
    return Finding(name, state, f"{text}{more}")


def _off(skew_s: float) -> str:
    return f"{skew_s:.1f} s behind" if skew_s > 0 else f"{-skew_s:.1f} s ahead"


async def _source(section: Mapping[str, Any], line: Line, running: bool) -> Finding:
    name = str(section.get("id", section["kind"]))
    kind = str(section["kind"])
    if kind == "http":
        return await _door(name, section, running)
    if kind in ("folder", "files"):
        return (_folder if kind == "folder" else _files)(name, section)
    with TemporaryDirectory(prefix="bioline-doctor-") as folder:
        own: Mapping[str, Any] = {"client_id": Path(folder).name, **OWN[kind]} if kind in OWN else {}
        module, config = configured("sources", {**section, **own}, Path(folder))
        context = SourceContext({t.id: t for t in line.tags()}, WallClock(), lambda tag: WallClock().now_ns())
        return await _first_word(name, module.open_source(config, context))


async def _first_word(name: str, source: Source) -> Finding:
    """Run a source until it says whether it is up; nothing is acknowledged."""
    try:
        async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(source.deliveries()) as deliveries:
            async for delivery in deliveries:
                for link in delivery.links:
                    if link.up is not None:
                        return _link(name, link.up, link.text)
    except TimeoutError:
        return Finding(
            name, State.DOWN, f"said nothing for {PATIENCE_S:.0f} s; check that the other side runs"
        )
    except ConnectorError as error:
        return Finding(name, State.DOWN, str(error))
    return Finding(name, State.UNSEEN, "ended without a word")


async def _door(name: str, section: Mapping[str, Any], running: bool) -> Finding:
    where = f"{section.get('host', '127.0.0.1')}:{section.get('port', 8186)}"
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*where.rsplit(":", 1)), 5)
    except (OSError, TimeoutError):
        return Finding(name, State.WELL, f"{where} is free for the service to listen on")
    writer.close()
    if running:
        return Finding(name, State.WELL, f"something listens on {where}, as the running service should")
    return Finding(name, State.DOWN, f"somebody else listens on {where}; give another port")


def _files(name: str, section: Mapping[str, Any]) -> Finding:
    paths = [Path(str(path)) for path in section["paths"]]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        return Finding(name, State.DOWN, f"not there: {', '.join(missing)}")
    return Finding(name, State.WELL, f"there: {', '.join(map(str, paths))}")


def _folder(name: str, section: Mapping[str, Any]) -> Finding:
    folder = Path(str(section["folder"]))
    if fault := unmakeable(folder):
        return Finding(name, State.DOWN, fault)
    if not folder.exists():
        return Finding(name, State.WELL, f"{folder} is made at the first start")
    if refused := sorted((folder / "refused").glob("*.reason.txt"), key=lambda path: path.stat().st_mtime_ns):
        text = f"there: {folder}; files in 'refused': {len(refused)}, the last says why in {refused[-1].name}"
        return Finding(name, State.WARNING, text)
    return Finding(name, State.WELL, f"there: {folder}")


async def _stores(line_file: LineFile, line: Line, settings: Settings) -> list[Finding]:
    """The historian is opened beside a spool of its own; files of stores are looked at from outside."""
    section = line_file.historian
    folder = settings.data_dir / line.id
    found = [
        Finding("ledger", State.WELL, _place(folder / str(line_file.ledger.get("path", "ledger.sqlite"))))
    ]
    if section["kind"] != "influxdb":
        where = _place(folder / str(section.get("path", "historian.sqlite")))
        return [Finding("historian", State.WELL, where), *found]
    heard: asyncio.Queue[LinkChange] = asyncio.Queue()
    with TemporaryDirectory(prefix="bioline-doctor-") as own:
        try:
            module, config = configured("historians", {**section, "spool": "spool.sqlite"}, Path(own))
            store = module.open_historian(config, HistorianContext(report=heard.put_nowait))
            try:
                await store.last([line.tags()[0].id])
                said = None if heard.empty() else heard.get_nowait()
            finally:
                await store.close()
        except (ConnectorError, StorageError) as error:
            return [Finding("historian", State.DOWN, str(error)), *found]
    state = State.WELL if said is None or said.up else State.DOWN
    return [Finding("historian", state, said.text if said else f"{section['url']} answers"), *found]


def _place(path: Path) -> str:
    return (
        f"{path} ({path.stat().st_size / 1e6:.1f} MB)"
        if path.exists()
        else f"{path} is made at the first start"
    )
