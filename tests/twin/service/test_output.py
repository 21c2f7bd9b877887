"""Outputs: judged first, put in place whole, never over an input."""

import contextlib
from pathlib import Path

import pytest

from twin.domain.errors import ConfigError
from twin.service.output import check_output, whole_file


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    data = tmp_path / "run.csv"
    data.write_text("time,tag,value\n")
    with pytest.raises(ConfigError, match="to be read"):
        check_output(tmp_path / "." / "run.csv", [data])


@pytest.mark.parametrize("place", ["none/out.jsonl", "."])
def test_places_that_can_not_be_are_refused_before_any_work(place: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--out"):
        check_output(tmp_path / place)


def test_what_stood_there_stays_when_the_work_fails(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    out.write_bytes(b"of yesterday\n")
    with contextlib.suppress(ZeroDivisionError), whole_file(out) as sink:
        sink.write(b"half\n")
        raise ZeroDivisionError
    assert out.read_bytes() == b"of yesterday\n"
    assert list(tmp_path.iterdir()) == [out]


def test_it_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    with whole_file(out) as sink:
        sink.write(b"all\n")
        assert not out.exists()
    assert out.read_bytes() == b"all\n"
    assert list(tmp_path.iterdir()) == [out]


def test_a_device_stays_a_device() -> None:
    null = Path("/dev/null")
    with whole_file(null) as sink:
        sink.write(b"gone")
    assert null.is_char_device()
