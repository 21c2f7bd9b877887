"""Alarms in words: the message catalogue by language, and the text of a notice."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from math import floor

from twin.alarms.causes import CAUSES, EVIDENCE
from twin.alarms.texts import TEXTS
from twin.domain.alarm import Alarm
from twin.domain.errors import TwinError
from twin.domain.event import Event

LANGUAGES = ("en", "fr")
_UNITS = {
    "1": "",
    "mm[Hg]": "mmHg",
    "Cel": "°C",
    "10*6/mL": "10⁶/mL",
    "10*9/L": "10⁹/L",
    "1/h": "h⁻¹",
    "mmol/L/h": "mmol/(L·h)",
    "um": "µm",
}
_FRENCH_SIGNS = re.compile(r" ([:;?!])")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text by key; keys as in `twin.ports.View.messages`.

    Raises
    ------
    TwinError
        When the language is not one of the catalogue's.
    """
    if language not in LANGUAGES:
        raise TwinError(f"language {language!r} is not in the catalogue; en and fr are")
    found = {key: texts[LANGUAGES.index(language)] for key, texts in TEXTS.items()}
    for code, by_language in CAUSES.items():
        for part, text in by_language[language].items():
            found[f"cause.{code}.{part}"] = text
    for code, texts in EVIDENCE.items():
        found[f"evidence.{code}"] = texts[language]
    return {key: _spaced(text) for key, text in found.items()} if language == "fr" else found


def _spaced(text: str) -> str:
    """French text whose signs do not begin a line: no-break spaces before ``: ; ? !``."""
    return _FRENCH_SIGNS.sub("\u202f\\1", text)


def cause_code(event: Event) -> str:
    """Key of the texts that explain an event: its most probable cause, else its kind."""
    if event.causes:
        return event.causes[0].code
    which, code = event.detail.get("which"), event.detail.get("code")
    return f"{event.kind.value}_{which}" if which else str(code or event.kind.value)


def notice_text(alarm: Alarm, language: str) -> tuple[str, str]:
    """Title and text of a notice in the recipient's language."""
    return in_words(alarm.event, language)


def in_words(event: Event, language: str) -> tuple[str, str]:
    """Title and text of an event."""
    words = catalogue(language)
    name = words.get(f"cause.{cause_code(event)}.name", words[f"kind.{event.kind.value}"])
    title = f"{event.tag or event.asset}: {name}"
    lines = [_verdict(event, words), _since(event, words), _late(event, words)]
    lines += [_size(event, words, language), _do(event, words)]
    return title, "\n".join(line for line in lines if line)


def number(value: float, language: str, form: str = ".3g") -> str:
    """A number with the language's decimal sign; three significant digits if nothing else is asked for."""
    text = format(value, form)
    return text.replace(".", ",") if language == "fr" else text


def written(code: str, language: str) -> str:
    """A UCUM code as people and the pages write it; nothing for a number without unit."""
    return ("tr/min" if language == "fr" else "rpm") if code == "{rpm}" else _UNITS.get(code, code)


def _verdict(event: Event, words: Mapping[str, str]) -> str:
    if event.verdict is None:
        return ""
    sure = "" if event.confidence is None else f", {floor(event.confidence * 100)} %"  # 99.6 % is not certain
    return f"{words[f'verdict.{event.verdict.value}']}{sure}"


def _since(event: Event, words: Mapping[str, str]) -> str:
    if event.since is None:
        return ""
    return f"{words['words.since']} {datetime.fromtimestamp(event.since / 1e9, UTC):%Y-%m-%d %H:%M} UTC"


def _late(event: Event, words: Mapping[str, str]) -> str:
    late_s = event.detail.get("late_s")
    return f"{words['words.late']} {late_s:.0f} s" if isinstance(late_s, float | int) else ""


def _size(event: Event, words: Mapping[str, str], language: str) -> str:
    if event.size is None:
        return ""
    unit = written(event.unit, language)
    return f"{words['words.size']} {number(event.size, language)} {unit}".rstrip()


def _do(event: Event, words: Mapping[str, str]) -> str:
    action = words.get(f"cause.{cause_code(event)}.action", "")
    return f"{words['words.do']} {action}" if action else ""
