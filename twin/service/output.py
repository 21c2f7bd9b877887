"""Files a command writes: judged before any work, and put in place only when they are whole."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from twin.domain.errors import ConfigError


def check_output(
    path: Path, inputs: Sequence[Path] = (), option: str = "--out", forms: Iterable[str] = ()
) -> None:
    """Refuse a place that can not be written, one of the inputs, or a name that says none of the forms.

    Raises
    ------
    ConfigError
    """
    if forms and path.suffix not in forms:
        raise ConfigError(f"{option} {path}: a name that ends in {', '.join(forms)} would do")
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {path.parent}; give one that exists")
    if path.is_dir():
        raise ConfigError(f"{option} {path}: is a folder; a file in it would do")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{option} {path}: {path.parent} can not be written by this user")
    if any(path.resolve() == other.resolve() for other in inputs):
        raise ConfigError(f"{option} {path}: is one of the files to be read; another name would do")


@contextlib.contextmanager
def whole_file(path: Path, option: str = "--out") -> Iterator[BinaryIO]:
    """A file that takes its name only when everything is written; what stood there stays until then.

    A device or a pipe is written to directly.

    Raises
    ------
    ConfigError
        When it can not be written.
    """
    device = path.exists() and not path.is_file()
    part = path if device else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as sink:
            yield sink
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{option} {path}: can not be written ({error.strerror})") from error
    finally:
        if not device:
            part.unlink(missing_ok=True)
