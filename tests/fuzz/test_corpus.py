"""Inputs that are kept, because they once broke a reader or lead deep into it, break none."""

from pathlib import Path

import pytest
from fuzz.fuzz_targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_F_01_F_02_F_04_kept_inputs_break_no_reader(target: str) -> None:
    kept = sorted((CORPUS / target).iterdir())
    assert kept, "a target has seeds"
    for path in kept:
        TARGETS[target](path.read_bytes())
