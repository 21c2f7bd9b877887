"""Every key of every plug-in is explained where it is declared, and the reference page repeats it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from twin.domain.errors import ConfigError
from twin.service import kinds, plugins
from twin.service.cli import app

ROOT = Path(__file__).resolve().parents[3]
ALL = [(family, kind) for family in kinds.SHOWN for kind in plugins.kinds(family)]


@pytest.mark.parametrize(("family", "kind"), ALL)
def test_every_key_has_a_meaning(family: str, kind: str) -> None:
    config = kinds.config_class(family, kind)
    sections = [config, *kinds.parts_of(config)]
    bare = [
        f"{part.__name__}.{key.name}" for part in sections for key in kinds.keys_of(part) if not key.meaning
    ]
    assert bare == []


@pytest.mark.parametrize(("family", "kind"), ALL)
def test_every_file_says_what_it_is(family: str, kind: str) -> None:
    assert kinds.summary(family, kind)


def test_the_page_is_what_the_plug_ins_say() -> None:
    written = (ROOT / "docs/reference/plug-ins.md").read_text(encoding="utf-8")
    assert written == kinds.page(), "run `make reference`"


def test_defaults_are_told_as_they_are_written_in_a_line_file() -> None:
    keys = {key.name: key for key in kinds.keys_of(kinds.config_class("sources", "mqtt"))}
    assert (keys["id"].default, keys["port"].default, keys["tls"].default) == ("required", "`1883`", "false")
    assert keys["protocol"].type == "`auto` or `5` or `311`"
    assert keys["topics"].type == "list of TopicConfig"


def test_sections_within_a_section_are_listed() -> None:
    found = kinds.parts_of(kinds.config_class("sources", "files"))
    assert [part.__name__ for part in found] == ["FileLayout", "ValueColumn"]


def test_an_unknown_family_or_kind_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="sources, actuators, publishers, historians, ledgers, notifiers"):
        kinds.config_class("source", "mqtt")
    with pytest.raises(ConfigError, match="mqtt, opcua"):
        kinds.config_class("sources", "mqqt")


def test_the_command_lists_families_and_keys() -> None:
    listed = CliRunner().invoke(app, ["kinds"])
    assert all(kind in listed.output for _, kind in ALL)
    keys = CliRunner().invoke(app, ["kinds", "notifiers", "webhook"])
    assert "allow_private" in keys.output
