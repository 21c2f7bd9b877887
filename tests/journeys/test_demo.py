"""The demo as a newcomer starts it: it says where to look, ends by itself, and its counts add up."""

import subprocess
import sys

import pytest

from twin.service.spare import LEAST_SPEED, NEEDED, affordable, share_of_a_core


@pytest.mark.timeout(400)
def test_the_demo_ends_by_itself_and_its_counts_add_up() -> None:
    command = [sys.executable, "-m", "twin.service", "demo", "--for", "15", "--no-browser", "--port", "0"]
    ended = subprocess.run([*command, "--speed", "300"], capture_output=True, text=True, timeout=380)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "http://127.0.0.1:" in ended.stdout
    assert "pH_drift at 8 h (the twin is not told)" in ended.stdout
    assert "What was true, and what the twin found" in ended.stdout
    assert "adds up" in ended.stdout
    assert "stored 0 " not in ended.stdout


@pytest.mark.parametrize(
    ("share", "speed"), [(1.0, 1200.0), (NEEDED, 1200.0), (NEEDED / 2, 600.0), (0.0, LEAST_SPEED)]
)
def test_a_busy_machine_is_asked_for_less(share: float, speed: float) -> None:
    assert affordable(1200.0, share) == speed


def test_a_slow_scenario_is_not_made_faster() -> None:
    assert affordable(1.0, 0.01) == 1.0


def test_the_share_is_a_share() -> None:
    assert 0.0 < share_of_a_core(0.05) <= 1.0
