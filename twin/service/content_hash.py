"""The hash by which PARAMETERS.yaml of ``twin calibrate`` says that it is whole and as it was written.

It finds edits, truncation and mix-ups. It is no signature: whoever means to can make it anew; the audit
trail of the registry says who proposed a file.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from twin.domain.errors import ConfigError

KEY: Final = "content_sha256"
TRAINED: Final = ("runs", "files", "estimates", "residuals", "made_by")
"""What only a file that was fitted says."""


def content_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 [hexadecimal] over all that a file says but the hash itself, whatever the order of its keys."""
    content = {name: value for name, value in document.items() if name != KEY}
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return hashlib.sha256(orjson.dumps(content, option=options)).hexdigest()


def hashed_yaml(document: Mapping[str, Any]) -> bytes:
    """A document as YAML that begins with its hash, so that a file that was cut short still has it."""
    text = _yaml(document)
    return (_yaml({KEY: content_hash(yaml.safe_load(text))}) + text).encode()


def _yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110))


def check_content(path: Path, document: Any, *, needed: bool) -> None:
    """Refuse a file that is not as it was written.

    Parameters
    ----------
    path : Path
    document : mapping
        What the file says.
    needed : bool
        Whether a file that names training must have a hash.

    Raises
    ------
    ConfigError
        When the hash does not fit, or is missing where training is named.
    """
    if not isinstance(document, Mapping):
        return
    if KEY not in document:
        named = [name for name in TRAINED if document.get(name)]
        if named and needed:
            raise ConfigError(
                f"{path}: names training ({', '.join(named)}) but has no {KEY}; it is of an older version or "
                "was changed. Run twin calibrate anew; parameters written by hand name no training"
            )
        return
    try:
        fits = content_hash(document) == document[KEY]
    except TypeError:
        fits = False
    if not fits:
        raise ConfigError(
            f"{path}: the contents do not fit their {KEY}; the file was changed or cut short after "
            "twin calibrate wrote it. Take the file as it was written, or calibrate anew; for values of your "
            "own write a file of process and model_version alone"
        )
