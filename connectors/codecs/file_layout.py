"""The section of a line file that says how the columns of foreign files are to be read."""

import codecs
from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.codecs.file_times import NUMERIC, RELATIVE
from twin.domain.asset import Line


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
        ``iso`` (with zone, or naive with `zone`), ``epoch_s``, ``epoch_ms``, ``epoch_ns``, counted from
        `epoch`: ``seconds``, ``minutes``, ``hours``, ``days``, or a pattern such as ``"%d.%m.%Y %H:%M"``.
    epoch : datetime or None
        Origin of the counted formats, with its zone.
    zone : str or None
        IANA name, such as ``Europe/Paris``, for times that name no zone. Of the hour that comes twice in
        autumn the first is meant.
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
    delimiter : str
        Of CSV files.
    decimal : str
        Decimal mark of CSV files, of values and of numeric times. A number with the other mark is refused.
    encoding : str
        Of CSV files, such as ``latin-1`` or ``utf-16``.
    """

    time: str = "time"
    format: str = "iso"
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
    encoding: str = "utf-8"

    @field_validator("format")
    @classmethod
    def _known_format(cls, form: str) -> str:
        if form != "iso" and form not in NUMERIC and "%" not in form:
            known = ", ".join(("iso", *NUMERIC))
            raise ValueError(f"format {form!r} is not known; {known}, or a pattern such as %d.%m.%Y %H:%M")
        return form

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            return codecs.lookup(encoding).name
        except LookupError as error:
            raise ValueError(f"encoding {encoding!r} is not known; latin-1 would do") from error

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
        if self.decimal == self.delimiter:
            raise ValueError(f"delimiter and decimal are both {self.decimal!r}; one of them is another")
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


def layout_faults(layout: FileLayout, line: Line) -> list[str]:
    """What of a layout does not fit the tags of a line, in words, each with its key.

    With a key column a value belongs to a tag inside a vessel, by its name; without, to a tag by its id.
    """
    units: dict[str, set[str]] = {}
    for tag in line.tags():
        units.setdefault(tag.name if layout.keys else tag.id, set()).add(tag.unit)
    faults = []
    for column in layout.values:
        known = units.get(column.tag)
        if known is None:
            faults.append(f"values {column.column!r}: {_unknown(column.tag, layout, units)}")
        elif column.unit is not None and known != {column.unit}:
            faults.append(
                f"values {column.column!r}: unit {column.unit!r} came, {column.tag} is in "
                f"{', '.join(map(repr, sorted(known)))}; give scale and offset that lead there"
            )
    for name, address in layout.tags.items():
        if address not in units:
            faults.append(f"tags {name!r}: {_unknown(address, layout, units)}")
    return faults


def _unknown(tag: str, layout: FileLayout, known: Iterable[str]) -> str:
    """That a tag is not there, with those that are."""
    few = ", ".join(sorted(known)[:12])
    if layout.keys:
        return f"no vessel of the line has a tag {tag!r}; there are {few}"
    return f"the line has no tag {tag!r} (without a key, a whole tag id would do); there are {few}"
