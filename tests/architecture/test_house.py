"""The house stands as drawn: packages come from here, every plug-in keeps its contract, texts are whole."""

import ast
import importlib
from collections import Counter
from pathlib import Path

import pytest

from twin.alarms.causes import CAUSES, EVIDENCE
from twin.alarms.texts import TEXTS
from twin.alarms.words import LANGUAGES, catalogue
from twin.domain.alarm import AlarmState, Priority
from twin.domain.event import Kind, Stage, Verdict
from twin.domain.quantity import UNITS
from twin.service import plugins

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("twin", "connectors", "simulators", "dashboards", "seeds")
OPENERS = {
    "sources": "open_source",
    "historians": "open_historian",
    "ledgers": "open_ledger",
    "notifiers": "open_notifier",
}


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_come_from_this_checkout(name: str) -> None:
    """Some of these names exist on the package index under other owners."""
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT)


@pytest.mark.parametrize(("family", "kind"), [(f, k) for f in OPENERS for k in plugins.kinds(f)])
def test_a_plug_in_is_one_file_with_a_strict_config_and_an_opener(family: str, kind: str) -> None:
    module = plugins.load(family, kind)
    assert module.Config.model_config["extra"] == "forbid"
    assert callable(getattr(module, OPENERS[family]))
    assert module.__doc__


@pytest.mark.parametrize("kind", plugins.kinds("processes"))
def test_a_process_declares_what_it_is(kind: str) -> None:
    process = plugins.load("processes", kind).build({})
    assert process.frame_s > 0
    assert process.states
    assert process.outputs
    assert all(p.source for p in process.parameters), "every number has a source or says it is chosen"


def test_every_hypothesis_of_every_process_has_its_texts() -> None:
    for kind in plugins.kinds("processes"):
        for hypothesis in plugins.load("processes", kind).build({}).hypotheses:
            assert hypothesis.code in CAUSES, hypothesis.code
            assert set(hypothesis.evidence) <= set(EVIDENCE), hypothesis.code


def test_AL_07_causes_say_everything_in_both_languages() -> None:
    assert CAUSES
    for code, by_language in CAUSES.items():
        assert set(by_language) == set(LANGUAGES), code
        for language, parts in by_language.items():
            assert set(parts) == {"name", "cause", "consequence", "action"}, (code, language)
            assert all(text.strip() for text in parts.values()), (code, language)


def test_every_word_of_the_domain_is_in_the_catalogue() -> None:
    words = {f"kind.{k.value}" for k in Kind} | {f"verdict.{v.value}" for v in Verdict}
    words |= {f"stage.{s.value}" for s in Stage} | {f"state.{s.value}" for s in AlarmState}
    words |= {f"priority.{p.value}" for p in Priority} | {f"quantity.{q}" for q in UNITS}
    assert words <= set(TEXTS)
    assert catalogue("en").keys() == catalogue("fr").keys()


def test_AL_07_alarms_that_name_no_cause_have_their_texts_by_kind() -> None:
    limits = {f"limit_{which}" for which in ("low_low", "low", "high", "high_high")}
    assert limits | {Kind.LINK.value} <= set(CAUSES)


def test_no_module_asks_whether_it_is_under_test() -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "node_modules" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            assert "PYTEST_CURRENT_TEST" not in text, path
            names = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
            assert not any("testing" in name.lower() for name in names), path


def test_each_test_file_has_a_name_of_its_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(name for name, count in Counter(names).items() if count > 1) == []
