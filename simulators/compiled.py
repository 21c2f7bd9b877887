"""Compilation of the inner loops, kept on disk between runs.

Numba looks only at a function's own file when it decides whether compiled code on disk is still good,
but the loop inlines code of several files. So the folder of compiled code carries a digest of them all.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, TypeVar

from numba import config, njit

F = TypeVar("F", bound=Callable[..., object])

_HERE: Final = Path(__file__).parent
_SOURCES: Final = (
    "chemistry.py",
    "cleaning.py",
    "compiled.py",
    "control.py",
    "culture.py",
    "faults.py",
    "loop.py",
    "microbe.py",
    "parameters.py",
    "probes.py",
    "reporting.py",
    "state.py",
    "vessel.py",
)


def _folder() -> Path:
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _SOURCES)).hexdigest()[:16]
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    for base in (given, _HERE / "__pycache__", Path(home) / "bioline-twin"):
        if base and _writable(Path(base)):
            return Path(base) / f"compiled-{digest}"
    return Path(mkdtemp(prefix="bioline-compiled-"))


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


_FOLDER: Final = str(_folder())


def compiled(function: F) -> F:
    """Compile `function` at its first call; keep the result in a folder of its own."""
    before = config.CACHE_DIR
    config.CACHE_DIR = _FOLDER
    try:
        machine_code: F = njit(cache=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
    return machine_code
