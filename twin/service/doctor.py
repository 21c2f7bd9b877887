"""`twin doctor`: the state of every link of a line in words, from the service that runs or by trying each."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

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

PATIENCE_S = 15.0
"""Longest wait for a link to say something [s] (chosen default)."""
SKEWED_S = 1.0
"""A source's clock is named when it is further off than this [s]."""
OWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "mqtt": {"client_id": "doctor", "session_h": 0.001},
    "sparkplug": {"client_id": "doctor", "host_id": "bioline-doctor"},
}
"""So that a look takes nobody's session and tells no edge node that its host has gone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one link; `well` None when it could not be looked at."""

    link: str
    well: bool | None
    text: str


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
    where = f"{settings.host}:{settings.port}"
    if said is not None and "conserved" in said:
        service = Finding("service", said["status"] == "ready", f"runs at {where}")
        return [service, *_told(said), *_models(line_file, line, settings)]
    text = f"does not run at {where}"
    if said is not None:
        text = f"runs at {where}; with --token-file it would tell the state of its own links"
    looks = [_source(section, line, said is not None) for section in line_file.sources]
    service = Finding("service", None if said is None else True, f"{text}; each link is tried here")
    links = await asyncio.gather(*looks)
    return [service, *links, *await _stores(line_file, line, settings), *_models(line_file, line, settings)]


def _models(line_file: LineFile, line: Line, settings: Settings) -> list[Finding]:
    """The versions that the next start of the service takes, and those that the last one took."""
    try:
        found = resolved(line_file, line, settings, approved_only=True)
        sources = [pair for pair in sources_of(with_sources(line_file, line, settings)) if pair[1]]
        used = read_registry(line_file, line, settings).in_use if sources or in_words(found) else {}
    except TwinError as error:
        return [Finding("models", False, str(error))]
    told = [_model(v.id, sort, use, used) for v in found.vessels for sort, use in models_of(v)]
    return told + [_model(name, Sort.SPECTRA, use, used) for name, use in sources]


def _model(vessel: str, sort: str, use: str, used: Mapping[str, str]) -> Finding:
    last = used.get(f"{vessel}/{sort}", "")
    text = f"{sort} model {use}"
    if last != use:
        text += f"; the service took {last or 'none'} when it started last, {use} comes with the next start"
    return Finding(vessel, True, text)


async def ask_service(settings: Settings, token: str) -> dict[str, Any] | None:
    """What the running service says of itself; None when it does not answer."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"http://{settings.host}:{settings.port}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=5.0, headers=headers) as client:
            said = (await client.get("/readyz")).json()
    except (httpx.HTTPError, ValueError):
        return None
    return said if isinstance(said, dict) and "status" in said else None


def _told(said: Mapping[str, Any]) -> list[Finding]:
    counted = said["conserved"]
    law = "every value is accounted for" if counted else "values are unaccounted for; see Diagnostics"
    found = [Finding("accounting", counted, law)]
    for source, link in said["links"].items():
        skew = link.get("skew_s")
        off = "" if skew is None or abs(skew) <= SKEWED_S else f"; its clock is {_off(skew)}"
        found.append(Finding(source, link["up"], f"{link['text']}; gaps {link['gaps']}{off}"))
    return found


def _off(skew_s: float) -> str:
    return f"{skew_s:.1f} s behind" if skew_s > 0 else f"{-skew_s:.1f} s ahead"


async def _source(section: Mapping[str, Any], line: Line, running: bool) -> Finding:
    name = str(section.get("id", section["kind"]))
    kind = str(section["kind"])
    if kind == "http":
        return await _door(name, section, running)
    if kind in ("folder", "files"):
        return _folder(name, section)
    with TemporaryDirectory(prefix="bioline-doctor-") as folder:
        module, config = configured("sources", {**section, **OWN.get(kind, {})}, Path(folder))
        context = SourceContext({t.id: t for t in line.tags()}, WallClock(), lambda tag: WallClock().now_ns())
        return await _first_word(name, module.open_source(config, context))


async def _first_word(name: str, source: Source) -> Finding:
    """Run a source until it says whether it is up; nothing is acknowledged."""
    try:
        async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(source.deliveries()) as deliveries:
            async for delivery in deliveries:
                for link in delivery.links:
                    if link.up is not None:
                        return Finding(name, link.up, link.text)
    except TimeoutError:
        return Finding(name, False, f"said nothing for {PATIENCE_S:.0f} s; check that the other side runs")
    except ConnectorError as error:
        return Finding(name, False, str(error))
    return Finding(name, None, "ended without a word")


async def _door(name: str, section: Mapping[str, Any], running: bool) -> Finding:
    where = f"{section.get('host', '127.0.0.1')}:{section.get('port', 8186)}"
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*where.rsplit(":", 1)), 5)
    except (OSError, TimeoutError):
        return Finding(name, True, f"{where} is free for the service to listen on")
    writer.close()
    if running:
        return Finding(name, True, f"something listens on {where}, as the running service should")
    return Finding(name, False, f"somebody else listens on {where}; give another port")


def _folder(name: str, section: Mapping[str, Any]) -> Finding:
    paths = [Path(str(p)) for p in (section.get("paths") or [section["folder"]])]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        return Finding(name, False, f"not there: {', '.join(missing)}")
    return Finding(name, True, f"there: {', '.join(map(str, paths))}")


async def _stores(line_file: LineFile, line: Line, settings: Settings) -> list[Finding]:
    """The historian is opened beside a spool of its own; files of stores are looked at from outside."""
    section = line_file.historian
    folder = settings.data_dir / line.id
    found = [Finding("ledger", True, _place(folder / str(line_file.ledger.get("path", "ledger.sqlite"))))]
    if section["kind"] != "influxdb":
        where = _place(folder / str(section.get("path", "historian.sqlite")))
        return [Finding("historian", True, where), *found]
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
            return [Finding("historian", False, str(error)), *found]
    well = said is None or bool(said.up)
    return [Finding("historian", well, said.text if said else f"{section['url']} answers"), *found]


def _place(path: Path) -> str:
    return (
        f"{path} ({path.stat().st_size / 1e6:.1f} MB)"
        if path.exists()
        else f"{path} is made at the first start"
    )
