"""Plug-ins: one file each, found by its name; only what a line names is imported."""

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType

from pydantic import BaseModel

from twin.domain.errors import ConfigError

FAMILIES = {
    "sources": "connectors.sources",
    "actuators": "connectors.actuators",
    "historians": "connectors.historians",
    "ledgers": "connectors.ledgers",
    "publishers": "connectors.publishers",
    "notifiers": "connectors.notifiers",
    "processes": "twin.processes",
}
"""Package of each family; others join by the entry-point group ``bioline_twin.<family>``."""

ONE = {
    "sources": "source",
    "actuators": "actuator",
    "historians": "historian",
    "ledgers": "ledger",
    "publishers": "publisher",
    "notifiers": "notifier",
    "processes": "process model",
}
"""What one of a family is called."""

_NOT_A_PROCESS = ("base",)


def kinds(family: str) -> list[str]:
    """Known kinds of a family, sorted."""
    package = importlib.import_module(FAMILIES[family])
    own = (m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg)
    found = {name for name in own if not name.startswith("_") and name not in _NOT_A_PROCESS}
    return sorted(found | {e.name for e in entry_points(group=f"bioline_twin.{family}")})


def load(family: str, kind: str) -> ModuleType:
    """Module of one kind.

    Raises
    ------
    ConfigError
        When there is no such kind; the message lists those there are.
    """
    known = kinds(family)
    if kind not in known:
        raise ConfigError(f"{ONE[family]} kind {kind!r} is not known; known are {', '.join(known)}")
    for entry in entry_points(group=f"bioline_twin.{family}"):
        if entry.name == kind:
            return importlib.import_module(entry.value)
    return importlib.import_module(f"{FAMILIES[family]}.{kind}")


def config_of(family: str, section: dict[str, object]) -> tuple[ModuleType, BaseModel]:
    """Module and validated configuration of a section that names its kind.

    Raises
    ------
    ConfigError
        Unknown kind.
    pydantic.ValidationError
        A field that does not fit.
    """
    module = load(family, str(section["kind"]))
    config: type[BaseModel] = module.Config
    fields = {
        name: value for name, value in section.items() if name != "kind" or "kind" in config.model_fields
    }
    return module, config.model_validate(fields)
