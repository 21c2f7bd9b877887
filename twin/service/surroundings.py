"""What a line file needs around it on this machine: files, folders, names at brokers, addresses.

Looks and opens nothing; `twin check` says what would stop the service at its start or a notice on its way.
"""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from twin.domain.errors import ConfigError
from twin.service.build import Faults, configured
from twin.service.line import LineFile

OURS: Final = ("path", "spool")
"""Keys of files that the service writes itself."""
DROP: Final = "folder"
"""Key of a drop folder, which the service makes and moves files in."""
KEY: Final = "private_key"
"""Key of a private key: a certificate is made anew with it, never the other way round."""
CLIENTS: Final = ("sources", "publishers", "actuators")
"""Families whose members keep a session at a broker."""
LOCAL: Final = frozenset({"localhost", "localhost.localdomain"})


def look_around(line_file: LineFile, folder: Path) -> Faults:
    """Every fault of the surroundings, each with its place.

    Parameters
    ----------
    line_file : LineFile
        A valid one.
    folder : Path
        Where the line's own files lie.
    """
    faults = Faults()
    found = [(place, family, config) for place, family, config in _configs(line_file, folder)]
    for place, _, config in found:
        _named_files(place, config, faults)
        _writable(place, config, faults)
        _makeable(place, config, faults)
    clients = [(place, each) for place, family, each in found if family in CLIENTS]
    _one_client_each(line_file.line, clients, faults)
    for place, family, config in found:
        if family == "notifiers":
            _public(place, config, faults)
    return faults


def _configs(line_file: LineFile, folder: Path) -> Iterator[tuple[str, str, BaseModel]]:
    """Place, family and configuration of every section that names a plug-in."""
    for place, family, section in _sections(line_file):
        try:
            yield place, family, configured(family, section, folder)[1]
        except (ConfigError, ValidationError):  # told with the line file itself
            continue


def _sections(line_file: LineFile) -> Iterator[tuple[str, str, dict[str, Any]]]:
    lists: Mapping[str, list[dict[str, Any]]] = {
        "sources": line_file.sources,
        "actuators": line_file.actuators,
        "publishers": line_file.publishers,
    }
    for family, sections in lists.items():
        for i, section in enumerate(sections):
            yield f"{family}.{i}", family, section
    yield "historian", "historians", line_file.historian
    yield "ledger", "ledgers", line_file.ledger
    for part in ("subscribers", "channels"):
        for i, row in enumerate(getattr(line_file, part)):
            yield f"{part}.{i}.notifier", "notifiers", row.notifier


def made_at_start(line_file: LineFile, folder: Path) -> list[str]:
    """Certificates that are named, not there, and made at the first start: each in words, with its place."""
    return [
        f"{place}.{name}: {path} is not there and is made at the first start"
        for place, _, config in _configs(line_file, folder)
        for name, path in _made(config).items()
        if not path.exists()
    ]


def _made(config: BaseModel) -> dict[str, Path]:
    """The files of a section that its plug-in makes when they are not there, by key."""
    found = {name: getattr(config, name) for name in getattr(config, "MADE", ())}
    return {name: path for name, path in found.items() if isinstance(path, Path)}


def _named_files(place: str, config: BaseModel, faults: Faults) -> None:
    """Secrets and certificates that are named must be there and readable."""
    made = _made(config)
    for name in type(config).model_fields:
        path = getattr(config, name)
        if not isinstance(path, Path) or name in OURS or name == DROP:
            continue
        if path.exists():
            if not os.access(path, os.R_OK):
                faults.add(f"{place}.{name}", f"{path} can not be read by this account; give it leave to")
        elif name not in made:
            faults.add(f"{place}.{name}", f"{path} is not there; put it there or correct the path")
        elif fault := _unmade(name, made):
            faults.add(f"{place}.{name}", fault)


def _unmade(name: str, made: Mapping[str, Path]) -> str:
    """Why a file would not be made at the first start; empty when it would."""
    path, others = made[name], [each for key, each in made.items() if key != name]
    if name == KEY and any(other.exists() for other in others):
        return f"{path} is not there, but {others[0]} is, which would be replaced; give both files or neither"
    spot = path.absolute().parent
    if not spot.is_dir():
        return f"{spot} is not there, so {path.name} can not be made in it; make the folder"
    return "" if os.access(spot, os.W_OK) else f"{spot} can not be written by this account; give it leave to"


def _writable(place: str, config: BaseModel, faults: Faults) -> None:
    """Files that the service writes must be possible where they are named."""
    for name in OURS:
        path = getattr(config, name, None)
        if not isinstance(path, Path):
            continue
        spot = next(each for each in (path, *path.absolute().parents) if each.exists())
        if path.is_dir():
            faults.add(f"{place}.{name}", f"{path} is a folder; the name of a file would do")
        elif spot != path and not spot.is_dir():
            faults.add(f"{place}.{name}", f"{spot} is no folder, so {path} can not be made in it")
        elif not os.access(spot, os.W_OK):
            faults.add(f"{place}.{name}", f"{spot} can not be written by this account; another path would do")


def _makeable(place: str, config: BaseModel, faults: Faults) -> None:
    """A drop folder is made when it is missing, so that must be possible, and files are moved in it."""
    path = getattr(config, DROP, None)
    if isinstance(path, Path) and (fault := unmakeable(path)):
        faults.add(f"{place}.{DROP}", fault)


def unmakeable(folder: Path) -> str:
    """Why a folder can not be made or written in, in words; empty when it can."""
    spot = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not spot.is_dir():
        return f"{spot} is no folder; another path would do"
    if not os.access(spot, os.W_OK):
        return f"{spot} can not be written by this account; give it leave to"
    return ""


def _one_client_each(line: str, found: list[tuple[str, BaseModel]], faults: Faults) -> None:
    """A broker ends the session of a client when another comes with its name."""
    seen: dict[tuple[str, int, str], str] = {}
    for place, config in found:
        if not hasattr(config, "session_name"):
            continue
        name = str(config.session_name(line))
        key = (_host(str(getattr(config, "host", ""))), int(getattr(config, "port", 0)), name)
        if key in seen:
            faults.add(
                f"{place}.client_id",
                f"{name!r} is that of {seen[key]} at the same broker {key[0]}:{key[1]}; "
                "they would end each other's session, so each needs a name of its own",
            )
        seen.setdefault(key, place)


def _host(name: str) -> str:
    return "127.0.0.1" if name.lower() in LOCAL or name == "::1" else name.lower()


def _public(place: str, config: BaseModel, faults: Faults) -> None:
    """A webhook to an address of this machine or a private network needs leave."""
    url = getattr(config, "url", None)
    if url is None or getattr(config, "allow_private", True):
        return
    host = str(url.host or "").strip("[]")
    if _inside(host):
        faults.add(
            f"{place}.url",
            f"{host} is not a public address and would be refused; allow_private: true permits it",
        )


def _inside(host: str) -> bool:
    """True for what is known without asking a name server to be no public address."""
    if host.lower() in LOCAL or host.lower().endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
