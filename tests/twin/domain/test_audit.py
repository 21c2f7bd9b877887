"""The audit trail: any change of what was written is found."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.domain.audit import START, Deed, Entry, chained, verify

TEXT = st.text(max_size=20)
DEEDS = st.lists(
    st.builds(Deed, st.integers(0, 2**62), TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT), max_size=8
)


def trail(deeds: list[Deed]) -> list[Entry]:
    entries: list[Entry] = []
    for number, deed in enumerate(deeds, 1):
        entries.append(chained(number, deed, entries[-1].hash if entries else START))
    return entries


@given(DEEDS)
def test_a_trail_as_written_is_whole(deeds: list[Deed]) -> None:
    entries = trail(deeds)
    found = verify(entries)
    assert (found.entries, found.fault) == (len(deeds), "")
    assert found.head == (entries[-1].hash if entries else START)


WRITTEN = trail(
    [Deed(i, "anna", "operator", "10.0.0.1", "alarm.shelve", f"a{i}", "", "", "x") for i in range(6)]
)


@pytest.mark.parametrize("name", [field.name for field in fields(Deed)])
def test_S_14_any_field_changed_is_found_at_its_entry(name: str) -> None:
    entry = WRITTEN[2]
    changed = 7 if name == "t" else "another"
    forged = replace(entry, deed=replace(entry.deed, **{name: changed}))
    found = verify([*WRITTEN[:2], forged, *WRITTEN[3:]])
    assert found.entries == 2
    assert "entry 3 is not as it was written" in found.fault


def test_S_14_an_entry_forged_with_its_own_hash_breaks_the_next() -> None:
    forged = chained(3, replace(WRITTEN[2].deed, why="another"), WRITTEN[1].hash)
    assert verify([*WRITTEN[:2], forged, *WRITTEN[3:]]).entries == 3


def test_S_14_removed_and_moved_entries_are_found() -> None:
    assert "entry 3 is missing" in verify([*WRITTEN[:2], *WRITTEN[3:]]).fault
    assert verify([*WRITTEN[:2], WRITTEN[3], WRITTEN[2], *WRITTEN[4:]]).entries == 2


def test_S_14_a_trail_cut_short_or_written_anew_is_found_by_a_head_noted_elsewhere() -> None:
    anchor = (6, WRITTEN[5].hash)
    assert verify(WRITTEN, anchor).fault == ""
    assert "ends at entry 4" in verify(WRITTEN[:4], anchor).fault
    anew = trail([replace(e.deed, why="another") for e in WRITTEN])
    assert verify(anew).fault == ""
    assert "another hash" in verify(anew, anchor).fault
