"""The section of a line file that says how the columns of foreign files are to be read."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.codecs.file_times import RELATIVE


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ValueColumn(_Section):
    """One column of numbers.

    Parameters
    ----------
    column : str
        Name in the file.
    tag : str
        Tag name inside the vessel, such as ``"pO2"``; a whole tag id where there is no key.
    scale, offset : float
        The tag's value is ``scale * number + offset`` [tag's unit].
    unit : str or None
        UCUM unit of that result; when given it must be the tag's.
    """

    column: str
    tag: str
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None


class FileLayout(_Section):
    """How the columns of foreign files are to be read.

    One layout may serve files that hold only some of its value columns.

    Parameters
    ----------
    time : str
        Column of the source time.
    format : str
        ``iso`` (with zone, or naive with `zone`), ``epoch_s``, ``epoch_ms``, ``epoch_ns``, or
        counted from `epoch`: ``seconds``, ``minutes``, ``hours``, ``days``.
    epoch : datetime or None
        Origin of the counted formats, with its zone.
    zone : str or None
        IANA name, such as ``Europe/Paris``, for ISO times that name no zone.
    key : str or list of str or None
        Column, or columns, whose value names the vessel.
    vessel : str
        Vessel id made of the key values, joined by ``-``: ``"R{key}"``.
    values : list of ValueColumn
        Wide files: one tag per column.
    tag, value : str or None
        Long files: the column that names the tag and the one that holds its number.
    tags : dict
        Long files: tag name for a name in the file; names not listed stay as they are.
    quality : str or None
        Column of the quality: 192, 64, 0, 500 or good, uncertain, bad, stale.
    reported : str or None
        Column of the time an assay was reported, in the same format.
    delimiter, decimal : str
        Of CSV files.
    """

    time: str = "time"
    format: Literal[
        "iso", "epoch_s", "epoch_ms", "epoch_ns", "seconds", "minutes", "hours", "days"
    ] = "iso"  # fmt: skip
    epoch: datetime | None = None
    zone: str | None = None
    key: str | list[str] | None = None
    vessel: str = "{key}"
    values: list[ValueColumn] = []
    tag: str | None = None
    value: str | None = None
    tags: dict[str, str] = {}
    quality: str | None = None
    reported: str | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."

    @field_validator("epoch")
    @classmethod
    def _zoned(cls, epoch: datetime | None) -> datetime | None:
        if epoch is not None and epoch.tzinfo is None:
            raise ValueError("epoch needs a time zone, such as 2024-02-12T00:00:00Z")
        return epoch

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        try:
            return zone and ZoneInfo(zone).key
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"zone {zone!r} is not known; Europe/Paris would do") from error

    @field_validator("vessel")
    @classmethod
    def _template(cls, vessel: str) -> str:
        if "{key}" not in vessel:
            raise ValueError("vessel needs {key} where the key value goes, such as R{key}")
        return vessel

    @model_validator(mode="after")
    def _whole(self) -> "FileLayout":
        if bool(self.values) == (self.value is not None):
            raise ValueError("give either values (wide files) or tag and value (long files)")
        if (self.tag is None) != (self.value is None):
            raise ValueError("long files need both tag and value")
        if (self.format in RELATIVE) != (self.epoch is not None):
            raise ValueError(f"epoch goes with the formats {', '.join(sorted(RELATIVE))}, and only with them")
        return self

    @property
    def keys(self) -> list[str]:
        """Key columns."""
        return [self.key] if isinstance(self.key, str) else list(self.key or ())


OWN_LONG = FileLayout(tag="tag", value="value")
"""Our own long format: time, tag id, value, and quality where there is one."""
