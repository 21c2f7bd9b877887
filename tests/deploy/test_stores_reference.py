"""The reference names every key of every store and notifier."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import connectors.historians
import connectors.ledgers
import connectors.notifiers

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/stores.md").read_text(encoding="utf-8")
KINDS = [
    f"{family.__name__}.{found.name}"
    for family in (connectors.historians, connectors.ledgers, connectors.notifiers)
    for found in pkgutil.iter_modules(family.__path__)
    if not found.name.startswith("_")
]


@pytest.mark.parametrize("name", KINDS)
def test_every_key_is_in_the_reference(name: str) -> None:
    config = importlib.import_module(name).Config
    assert f"`kind: {name.rpartition('.')[2]}`" in PAGE
    assert [key for key in config.model_fields if not re.search(rf"`{key}`", PAGE)] == []
