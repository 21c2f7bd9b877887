"""A file of arrays and one JSON text, with a hash over its contents: how learnt models are kept.

A zip of arrays (numpy's npz, read without pickle). Whoever opens it runs nothing of it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final
from zipfile import BadZipFile, ZipFile

import numpy as np
import orjson

from twin.domain.errors import ConfigError

KINDS: Final = {
    "node": ("model of good runs", "twin learn", "`normal:` of a vessel, --normal or twin model propose"),
    "rotations": (
        "model of spectra",
        "twin fit-spectra",
        "`model:` of a source of kind spectra, or twin model propose",
    ),
}
"""By an array that only files of this kind hold: what it is, what makes it, where it is used."""
_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY


def save_arrays(arrays: Mapping[str, Any], about: Mapping[str, Any], form: int, sink: BinaryIO) -> str:
    """Write arrays and texts; returns their hash (SHA-256, hexadecimal).

    Parameters
    ----------
    arrays : Mapping of str to array
    about : Mapping
        What JSON can hold; not `format` and not `sha256`.
    form : int
        Version of the file; grows when a field changes its meaning or goes.
    sink : BinaryIO
    """
    whole = {"format": form, **about}
    digest = _digest(arrays, whole)
    text = orjson.dumps({**whole, "sha256": digest}, option=_OPTIONS)
    np.savez_compressed(sink, about=np.frombuffer(text, dtype=np.uint8), **arrays)
    return digest


def load_arrays(path: Path, form: int, what: str, maker: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Read arrays, texts and their hash.

    Parameters
    ----------
    path : Path
    form : int
        The version that is read.
    what, maker : str
        What it should be, and the command that makes it: for the errors.

    Raises
    ------
    ConfigError
        When it is no such file, of another kind or version, or damaged.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such model; {maker} ... --out {path.name} makes one")
    _check_zip(path, what, maker)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = orjson.loads(arrays.pop("about").tobytes())
        found = about.pop("format"), about.pop("sha256")
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise ConfigError(f"{path}: is no {what} ({error}); {maker} makes one") from error
    _check_kind(path, arrays, what, maker)
    if found[0] != form:
        raise ConfigError(f"{path}: format {found[0]} came, {form} is read; make it anew with this version")
    if _digest(arrays, {"format": form, **about}) != found[1]:
        raise ConfigError(f"{path}: the contents do not fit their hash; the file is damaged or was changed")
    return arrays, about, found[1]


def holds(path: Path, name: str) -> bool:
    """Whether a file of arrays has one of that name; False where it is damaged."""
    try:
        with ZipFile(path) as stored:
            return f"{name}.npy" in stored.namelist()
    except (OSError, BadZipFile):
        return False


def _check_zip(path: Path, what: str, maker: str) -> None:
    """Refuse what is no zip before numpy speaks of pickles."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK"
    except OSError as error:
        raise ConfigError(f"{path}: can not be read ({error.strerror}); check the path") from error
    if not zipped:
        raise ConfigError(
            f"{path}: is no {what}: it is text or something else, not a file of arrays; {maker} makes one"
        )


def _check_kind(path: Path, arrays: Mapping[str, Any], what: str, maker: str) -> None:
    for mark, (kind, made_by, used) in KINDS.items():
        if mark in arrays and kind != what:
            raise ConfigError(
                f"{path}: is a {kind} (of {made_by}; for {used}); a {what} would do: {maker} makes one"
            )


def _digest(arrays: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(orjson.dumps(about, option=_OPTIONS))
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
