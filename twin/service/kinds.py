"""What a line file may say: the keys of every plug-in, read from its `Config` and its docstring.

The docstrings are parsed by docstring_parser, which knows the numpy style; so a key is explained in one
place, where it is declared, and the command line and the reference page repeat it.
"""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import docstring_parser
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.markup import escape
from rich.table import Table

from twin.domain.errors import ConfigError
from twin.service import plugins

SHOWN = ("sources", "actuators", "publishers", "historians", "ledgers", "notifiers")
"""Families whose sections stand in a line file with keys of their own."""
PLAIN = {str: "text", Path: "path", float: "number", int: "whole number", bool: "true or false"}
PLAIN_NAMES = {"HttpUrl": "address", "AnyUrl": "address", "datetime": "time"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section: its name, what may stand there, what stands there when it is left out."""

    name: str
    type: str
    default: str
    meaning: str


def keys_of(config: type[BaseModel]) -> list[Key]:
    """The keys of a section, in the order of their declaration; `kind` is not one of them."""
    meanings = _meanings(config)
    return [
        Key(name, _type(field.annotation), _default(field), meanings.get(name, ""))
        for name, field in config.model_fields.items()
        if name != "kind"
    ]


def parts_of(config: type[BaseModel]) -> list[type[BaseModel]]:
    """Sections within a section, deepest last."""
    found: list[type[BaseModel]] = []
    for field in config.model_fields.values():
        for part in _models(field.annotation):
            found += [one for one in (part, *parts_of(part)) if one not in found]
    return found


def summary(family: str, kind: str) -> str:
    """First sentence of a plug-in's file."""
    text = docstring_parser.parse(plugins.load(family, kind).__doc__ or "").short_description or ""
    return " ".join(text.split())


def config_class(family: str, kind: str) -> type[BaseModel]:
    """The `Config` of a plug-in.

    Raises
    ------
    ConfigError
        When there is no such family or kind; the message lists those there are.
    """
    found: type[BaseModel] = plugins.load(checked(family), kind).Config
    return found


def checked(family: str) -> str:
    """The family as given; raises ConfigError when there is none of that name."""
    if family not in SHOWN:
        raise ConfigError(f"{family!r} is no family of plug-ins; {', '.join(SHOWN)} would do")
    return family


def table(family: str, kind: str) -> Table:
    """The keys of one kind, and of the sections within, for a terminal."""
    config = config_class(family, kind)
    shown = Table("key", "what", "default", "meaning", title=summary(family, kind), box=None)
    for part in (config, *parts_of(config)):
        if part is not config:
            shown.add_row(f"[bold]{part.__name__}[/]")
        for key in keys_of(part):
            shown.add_row(
                key.name,
                *(escape(text.replace("`", "")) for text in (key.type, key.default)),
                escape(key.meaning),
            )
    return shown


def page() -> str:
    """The reference of all plug-ins as Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Plug-ins and their keys"
    yield ""
    yield "Made by `make reference` from the plug-ins themselves. `twin kinds` prints the same, also for"
    yield "plug-ins that another package brings. Each section of a line file names its `kind`."
    for family in SHOWN:
        yield from ("", f"## {family}")
        for kind in plugins.kinds(family):
            yield from ("", f"### kind: {kind}", "", summary(family, kind), "")
            yield from _tables(config_class(family, kind))


def _tables(config: type[BaseModel]) -> Iterator[str]:
    yield from _table(config)
    for part in parts_of(config):
        yield from ("", f"A {part.__name__} has", "")
        yield from _table(part)


def _table(config: type[BaseModel]) -> Iterator[str]:
    yield "| key | what | default | meaning |"
    yield "|---|---|---|---|"
    for key in keys_of(config):
        yield f"| `{key.name}` | {key.type} | {key.default} | {key.meaning} |"


def _meanings(config: type[BaseModel]) -> dict[str, str]:
    found: dict[str, str] = {}
    for owner in reversed(config.__mro__):
        if not issubclass(owner, BaseModel) or owner is BaseModel:
            continue
        for parameter in docstring_parser.parse(owner.__doc__ or "").params:
            for name in parameter.arg_name.split(","):
                found[name.strip()] = " ".join((parameter.description or "").replace("``", "`").split())
    return found


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(one) for one in inner if one is not type(None))
    if origin in (list, tuple, set):
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"mapping to {_type(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{one.value}`" for one in annotation)
    name = getattr(annotation, "__name__", str(annotation))
    return PLAIN.get(annotation) or PLAIN_NAMES.get(name, name)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from _models(one)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return f"`{value.value}`"
    return "see below" if isinstance(value, list | BaseModel) else f"`{value}`"
