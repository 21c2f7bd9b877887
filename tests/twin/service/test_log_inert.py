"""What comes from outside can neither draw on the terminal nor forge a line of the log."""

import pytest
import structlog

from twin.service.terminal import settings_now


@pytest.mark.parametrize("times", [1, 3])
def test_S_06_hostile_values_are_inert_in_the_log(capsys: pytest.CaptureFixture[str], times: int) -> None:
    kept = structlog.get_config()
    try:
        for _ in range(times):
            settings_now()
        log = structlog.get_logger("test")
        log.warning("tag R1\x1b[2J\n2026-11-27 [error] forged", tag="\x1b]0;owned\x07", plain="dérive µ", n=3)
    finally:
        structlog.configure(**kept)
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\x07" not in written
    assert "\x1b[2J" not in written
    assert "\x1b]" not in written
    assert "plain='dérive µ'" in written
    assert "n=3" in written
    assert "forged" in written, "it is shown, not dropped"
