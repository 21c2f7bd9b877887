"""A notice writes units as the pages do."""

import pytest

from twin.alarms.words import in_words
from twin.domain.event import Event, Kind, Stage


@pytest.mark.parametrize(
    ("code", "language", "said"),
    [
        ("Cel", "en", " 1.5 °C"), ("Cel", "fr", " 1,5 °C"), ("{rpm}", "fr", " 1,5 tr/min"),
        ("mm[Hg]", "en", " 1.5 mmHg"), ("1", "en", " 1.5"), ("kg", "fr", " 1,5 kg"),
    ],
)  # fmt: skip
def test_units_are_written_as_people_do(code: str, language: str, said: str) -> None:
    event = Event(0, Kind.LIMIT, "R1", Stage.CONFIRMED, "R1/limit_high/x/1", size=1.5, unit=code)
    assert in_words(event, language)[1].splitlines()[0].endswith(said)
