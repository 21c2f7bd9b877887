"""Shared by every test: where the data at hand lie, and hypothesis's settings."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run, so that a commit is judged by what it changed. New ones are sought with
# `make test ARGS="--hypothesis-profile=explore"`.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile("explore", settings.get_profile("house"), derandomize=False, max_examples=1000)
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real and benchmark data, beside the checkout or where BIOLINE_SHARED says."""
    folder = Path(os.environ.get("BIOLINE_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}; BIOLINE_SHARED may name another place")
    return folder
